#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Nova's controller: API, scheduler and conductor.  The compute side is in
# compute.sh.

# trusted_driver: is the project's driver to be used?
trusted_driver() {
    case ${NTL_DRIVER:-auto} in
        stock) return 1 ;;
        trusted) return 0 ;;
        *) [[ -x $VENV/bin/trusted-launch-nova-compute ]] ;;
    esac
}

_nova_config() {
    export NOVA_DATABASE NOVA_API_DATABASE NOVA_FILTERS TRUSTED_LAUNCH_CONF
    # More attempts than hosts end in a message without the last reason.
    export BUILD_ATTEMPTS=${#HOSTS[@]}
    NOVA_DATABASE=$(database_url nova)
    NOVA_API_DATABASE=$(database_url nova_api)
    # The order is Nova's own; the project's filter comes last, so that it
    # is asked about the fewest hosts.
    NOVA_FILTERS=ComputeFilter,ComputeCapabilitiesFilter
    NOVA_FILTERS+=,ImagePropertiesFilter,ServerGroupAntiAffinityFilter
    NOVA_FILTERS+=,ServerGroupAffinityFilter,SameHostFilter
    NOVA_FILTERS+=,DifferentHostFilter
    TRUSTED_LAUNCH_CONF=""
    if [[ -e $TOP_DIR/nova_trusted_launch/scheduler/filter.py ]]; then
        NOVA_FILTERS+=,TrustedLaunchFilter
        TRUSTED_LAUNCH_CONF="available_filters = nova_trusted_launch.scheduler.filter.TrustedLaunchFilter"
    fi
    render nova.conf.in "$ETC/nova/nova.conf"
    render nova-controller.conf.in "$ETC/nova/nova-controller.conf"
    cp "$VENV/etc/nova/api-paste.ini" "$ETC/nova/"
}

nova_database() {
    _nova_config
    once nova-database "$VENV/bin/python" "$CLOUD_DIR/nova_database.py" \
        --config-file "$ETC/nova/nova.conf" \
        --config-file "$ETC/nova/nova-controller.conf"
}

start_nova_api() {
    _nova_config
    launch nova-api env OS_NOVA_CONFIG_DIR="$ETC/nova" \
        OS_NOVA_CONFIG_FILES="api-paste.ini;nova.conf;nova-controller.conf" \
        NTL_WSGI_APP=nova.wsgi.osapi_compute:application \
        NTL_BIND="$ADDRESS:$NOVA_PORT" \
        GUNICORN_CMD_ARGS="-c $CLOUD_DIR/gunicorn.conf.py" \
        "$VENV/bin/gunicorn"
    await nova-api http_answers "$ADDRESS" "$NOVA_PORT" /
}

_start_nova_daemon() {
    _nova_config
    launch "$1" "$VENV/bin/$1" --config-file "$ETC/nova/nova.conf" \
        --config-file "$ETC/nova/nova-controller.conf"
    await "$1" has_said "$1" "Starting ${1#nova-} node"
}

start_nova_scheduler() {
    _start_nova_daemon nova-scheduler
}

start_nova_conductor() {
    _start_nova_daemon nova-conductor
}
