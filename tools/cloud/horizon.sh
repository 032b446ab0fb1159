#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Horizon with this project's plugin, when asked for: "up --with horizon".
# It is remembered, so that a later "up" and "status" know of it.

HORIZON_FOLDER=$CLOUD/horizon

horizon_wanted() {
    [[ -e $CLOUD/with-horizon ]]
}

# horizon_url horizon: a browser gives Web Crypto to pages of https and of
# this machine only.
horizon_url() {
    [[ ${1:-} == horizon ]] || usage
    horizon_wanted || die "this cloud has no Horizon: up --with horizon"
    echo "http://127.0.0.1:$HORIZON_PORT/"
}

_horizon_config() {
    local file
    export HORIZON_SECRET
    HORIZON_SECRET=$(_horizon_secret)
    render horizon_settings.py.in "$HORIZON_FOLDER/local/local_settings.py"
    touch "$HORIZON_FOLDER/local/__init__.py"
    mkdir -p "$HORIZON_FOLDER/local/enabled" "$HORIZON_FOLDER/static"
    rm -f "$HORIZON_FOLDER"/local/enabled/_*.py
    for file in "$TOP_DIR"/nova_trusted_launch/horizon/enabled/_[0-9]*.py; do
        [[ ! -e $file ]] || ln -s "$file" "$HORIZON_FOLDER/local/enabled/"
    done
}

_horizon_secret() {
    local file=$HORIZON_FOLDER/secret
    mkdir -p "$HORIZON_FOLDER"
    [[ -e $file ]] || ( umask 077; _random 32 > "$file" )
    cat "$file"
}

# _horizon COMMAND...: with its settings.
_horizon() {
    env PYTHONPATH="$HORIZON_FOLDER:$TOP_DIR" \
        DJANGO_SETTINGS_MODULE=openstack_dashboard.settings "$@"
}

# What the static files are made of; they are collected when it changes.
_horizon_static_key() {
    {
        cat "$TOP_DIR/constraints.txt" \
            "$HORIZON_FOLDER/local/local_settings.py"
        find "$TOP_DIR/nova_trusted_launch" -type f \
            -path '*/horizon/*' \
            \( -path '*/static/*' -o -path '*/enabled/_*.py' \) -print0 \
            | sort -z | xargs -0 --no-run-if-empty cat
    } | sha256sum | cut -c 1-16
}

# Needs no service: made beside the rest of the cloud.
horizon_static() {
    local key
    _horizon_config
    key=$(_horizon_static_key)
    [[ -e $HORIZON_FOLDER/static-$key ]] && return 0
    rm -f "$HORIZON_FOLDER"/static-*
    echo "collecting static files"
    _horizon "$VENV/bin/python" -m django collectstatic --noinput -v 0
    echo "compressing them"
    _horizon "$VENV/bin/python" -m django compress --force
    touch "$HORIZON_FOLDER/static-$key"
}

start_horizon() {
    horizon_static
    launch horizon env PYTHONPATH="$HORIZON_FOLDER:$TOP_DIR" \
        NTL_HORIZON_STATIC="$HORIZON_FOLDER/static" \
        NTL_WSGI_APP=tools.cloud.horizon_wsgi:application \
        NTL_BIND="$ADDRESS:$HORIZON_PORT,127.0.0.1:$HORIZON_PORT" \
        GUNICORN_CMD_ARGS="-c $CLOUD_DIR/gunicorn.conf.py" \
        "$VENV/bin/gunicorn"
    await horizon http_answers "$ADDRESS" "$HORIZON_PORT" /auth/login/
}
