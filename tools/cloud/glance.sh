#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Glance with files below the state folder.

_glance_config() {
    export GLANCE_DATABASE
    GLANCE_DATABASE=$(database_url glance)
    render glance-api.conf.in "$ETC/glance/glance-api.conf"
    cp "$VENV/etc/glance/glance-api-paste.ini" "$ETC/glance/"
}

glance_database() {
    _glance_config
    once glance-database "$VENV/bin/glance-manage" \
        --config-file "$ETC/glance/glance-api.conf" db sync
}

start_glance() {
    _glance_config
    mkdir -p "$CLOUD/glance/images"
    launch glance env OS_GLANCE_CONFIG_DIR="$ETC/glance" \
        NTL_WSGI_APP=glance.wsgi.api:application \
        NTL_BIND="$ADDRESS:$GLANCE_PORT" \
        GUNICORN_CMD_ARGS="-c $CLOUD_DIR/gunicorn.conf.py" \
        "$VENV/bin/gunicorn"
    await glance http_answers "$ADDRESS" "$GLANCE_PORT" /versions
}
