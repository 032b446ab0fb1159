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
    local manage=("$VENV/bin/keystone-manage"
        --config-file "$ETC/keystone/keystone.conf")
    mkdir -p "$CLOUD/keystone"/{fernet,credential}
    "${manage[@]}" db_sync
    # Run as root here; root owns the keys.
    "${manage[@]}" fernet_setup --keystone-user root --keystone-group root
    "${manage[@]}" credential_setup \
        --keystone-user root --keystone-group root
    OS_BOOTSTRAP_PASSWORD=$ADMIN_PASSWORD "${manage[@]}" bootstrap \
        --bootstrap-region-id "$REGION" \
        --bootstrap-public-url "$AUTH_URL" \
        --bootstrap-internal-url "$AUTH_URL" \
        --bootstrap-admin-url "$AUTH_URL"
}

start_keystone() {
    _keystone_config
    launch keystone env OS_KEYSTONE_CONFIG_FILES="$ETC/keystone/keystone.conf" \
        NTL_WSGI_APP=keystone.wsgi.api:application \
        NTL_BIND="$ADDRESS:$KEYSTONE_PORT" \
        GUNICORN_CMD_ARGS="-c $CLOUD_DIR/gunicorn.conf.py" \
        "$VENV/bin/gunicorn"
    await keystone 60 http_answers "$ADDRESS" "$KEYSTONE_PORT" /v3
}

keystone_accounts() {
    local key
    key=$(cat "$CLOUD_DIR/accounts.py" "$CLOUD_DIR/settings.sh" \
        | sha256sum | cut -c 1-12)
    once "accounts-$key" "$VENV/bin/python" "$CLOUD_DIR/accounts.py" \
        "${HOSTS[@]}"
}
