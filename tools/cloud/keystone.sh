#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Keystone, and the accounts and endpoints of everybody.

_keystone_config() {
    export KEYSTONE_DATABASE
    KEYSTONE_DATABASE=$(database_url keystone)
    render keystone.conf.in "$ETC/keystone/keystone.conf"
}

keystone_database() {
    _keystone_config
    once keystone-database _keystone_database
}

_keystone_database() {
    ( umask 077; mkdir -p "$CLOUD/keystone"/{fernet,credential} )
    OS_BOOTSTRAP_PASSWORD=$ADMIN_PASSWORD \
        OS_BOOTSTRAP_REGION_ID=$REGION \
        OS_BOOTSTRAP_PUBLIC_URL=$AUTH_URL \
        OS_BOOTSTRAP_INTERNAL_URL=$AUTH_URL \
        OS_BOOTSTRAP_ADMIN_URL=$AUTH_URL \
        "$VENV/bin/python" "$CLOUD_DIR/keystone_database.py" \
        --config-file "$ETC/keystone/keystone.conf"
}

start_keystone() {
    _keystone_config
    launch keystone env OS_KEYSTONE_CONFIG_FILES="$ETC/keystone/keystone.conf" \
        NTL_WSGI_APP=keystone.wsgi.api:application \
        NTL_BIND="$ADDRESS:$KEYSTONE_PORT" \
        GUNICORN_CMD_ARGS="-c $CLOUD_DIR/gunicorn.conf.py" \
        "$VENV/bin/gunicorn"
    await keystone http_answers "$ADDRESS" "$KEYSTONE_PORT" /v3
}

keystone_accounts() {
    local key
    key=$(cat "$CLOUD_DIR/accounts.py" "$CLOUD_DIR/settings.sh" \
        | sha256sum | cut -c 1-12)
    once "accounts-$key" "$VENV/bin/python" "$CLOUD_DIR/accounts.py" \
        "${HOSTS[@]}"
}
