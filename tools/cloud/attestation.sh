#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# The attestation service, behind Keystone and on MariaDB.

_attestation_installed() {
    [[ -x $VENV/bin/attestation-service-manage ]]
}

_attestation_config() {
    export ATTESTATION_DATABASE ATTESTATION_ANCHORS
    ATTESTATION_DATABASE=$(database_url attestation)
    # The lab's own CA is a trust anchor by this configuration only.
    ATTESTATION_ANCHORS=$CLOUD/attestation/anchors
    mkdir -p "$CLOUD/attestation/hardware-anchors" "$ATTESTATION_ANCHORS"
    mkdir -p -m 700 "$CLOUD/attestation/keys"
    cp "$EK_CA"/swtpm-localca-rootca-cert.pem "$EK_CA"/issuercert.pem \
        "$ATTESTATION_ANCHORS/"
    render attestation-service.conf.in \
        "$ETC/attestation/attestation-service.conf"
}

start_attestation() {
    if ! _attestation_installed; then
        echo "attestation-service-manage is not installed: no service"
        return 0
    fi
    _attestation_config
    once attestation-database "$VENV/bin/attestation-service-manage" \
        --config-file "$ETC/attestation/attestation-service.conf" db sync
    launch attestation env \
        ATTESTATION_SERVICE_CONFIG_FILES="$ETC/attestation/attestation-service.conf" \
        NTL_WSGI_APP=attestation_service.wsgi:application \
        NTL_BIND="$ADDRESS:$ATTESTATION_PORT" NTL_WORKERS=2 \
        GUNICORN_CMD_ARGS="-c $CLOUD_DIR/gunicorn.conf.py" \
        "$VENV/bin/gunicorn"
    await attestation http_answers \
        "$ADDRESS" "$ATTESTATION_PORT" /healthcheck
}
