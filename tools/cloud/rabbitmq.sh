#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# RabbitMQ under its own node name, ports and folders, and its own epmd,
# which would otherwise outlive it.

start_epmd() {
    launch epmd epmd -port "$EPMD_PORT" -address 127.0.0.1
    await epmd port_open 127.0.0.1 "$EPMD_PORT"
}

start_rabbitmq() {
    local base=$CLOUD/rabbitmq
    mkdir -p "$base/home" "$base/mnesia" "$base/logs"
    if [[ ! -e $base/home/.erlang.cookie ]]; then
        ( umask 377; echo "$ERLANG_COOKIE" > "$base/home/.erlang.cookie" )
    fi
    render rabbitmq.conf.in "$base/rabbitmq.conf"
    echo "[]." > "$base/enabled_plugins"
    : > "$base/rabbitmq-env.conf"
    start_epmd
    launch rabbitmq eatmydata env HOME="$base/home" \
        ERL_EPMD_PORT="$EPMD_PORT" ERL_CRASH_DUMP="$base/crash.dump" \
        RABBITMQ_NODENAME="ntl$NTL_CLOUD_NUMBER@localhost" \
        RABBITMQ_DIST_PORT="$RABBITMQ_DIST_PORT" \
        RABBITMQ_CONF_ENV_FILE="$base/rabbitmq-env.conf" \
        RABBITMQ_CONFIG_FILE="$base/rabbitmq.conf" \
        RABBITMQ_ENABLED_PLUGINS_FILE="$base/enabled_plugins" \
        RABBITMQ_MNESIA_BASE="$base/mnesia" \
        RABBITMQ_LOG_BASE="$base/logs" RABBITMQ_LOGS=- \
        RABBITMQ_PID_FILE="$base/pid" \
        RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS="+sbwt none +sbwtdcpu none" \
        /usr/lib/rabbitmq/bin/rabbitmq-server
    await rabbitmq port_open "$ADDRESS" "$RABBITMQ_PORT"
}
