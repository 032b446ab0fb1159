#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Placement; it brings its database up to date when it starts.

start_placement() {
    export PLACEMENT_DATABASE
    PLACEMENT_DATABASE=$(database_url placement)
    render placement.conf.in "$ETC/placement/placement.conf"
    launch placement env OS_PLACEMENT_CONFIG_DIR="$ETC/placement" \
        NTL_WSGI_APP=placement.wsgi.api:application \
        NTL_BIND="$ADDRESS:$PLACEMENT_PORT" \
        GUNICORN_CMD_ARGS="-c $CLOUD_DIR/gunicorn.conf.py" \
        "$VENV/bin/gunicorn"
    await placement http_answers "$ADDRESS" "$PLACEMENT_PORT" /
}
