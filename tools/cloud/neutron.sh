#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Neutron with a mechanism driver that needs no agent (lab_mechanism.py).

_neutron_config() {
    export NEUTRON_DATABASE
    NEUTRON_DATABASE=$(database_url neutron)
    render neutron.conf.in "$ETC/neutron/neutron.conf"
    cp "$VENV/etc/neutron/api-paste.ini" "$ETC/neutron/"
    _neutron_plugin
}

# Stevedore finds the driver by the metadata of an installed package: this
# folder looks like one.
_neutron_plugin() {
    local site=$CLOUD/neutron/site info
    info=$site/ntl_lab_mechanism-1.dist-info
    mkdir -p "$info"
    cp "$CLOUD_DIR/lab_mechanism.py" "$site/"
    printf 'Metadata-Version: 2.1\nName: ntl-lab-mechanism\nVersion: 1\n' \
        > "$info/METADATA"
    printf '[neutron.ml2.mechanism_drivers]\nlab = %s\n' \
        lab_mechanism:LabMechanismDriver > "$info/entry_points.txt"
}

neutron_database() {
    _neutron_config
    once neutron-database "$VENV/bin/neutron-db-manage" \
        --config-file "$ETC/neutron/neutron.conf" upgrade heads
}

start_neutron() {
    _neutron_config
    mkdir -p "$CLOUD/neutron/state"
    launch neutron env OS_NEUTRON_CONFIG_DIR="$ETC/neutron" \
        OS_NEUTRON_CONFIG_FILES=neutron.conf \
        PYTHONPATH="$CLOUD/neutron/site" \
        NTL_WSGI_APP=neutron.wsgi.api:application \
        NTL_BIND="$ADDRESS:$NEUTRON_PORT" \
        GUNICORN_CMD_ARGS="-c $CLOUD_DIR/gunicorn.conf.py" \
        "$VENV/bin/gunicorn"
    await neutron http_answers "$ADDRESS" "$NEUTRON_PORT" /
}
