#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# trusted-launch-agent inside a host: it alone speaks to the host's TPM.

start_agent() {
    local host=$1 etc
    if [[ ! -x $VENV/bin/trusted-launch-agent ]]; then
        echo "trusted-launch-agent is not installed: no agent"
        return 0
    fi
    etc=$(host_root "$host")/etc
    export HOST_NAME=$host HOST_ROOT
    HOST_ROOT=$(host_root "$host")
    mkdir -p "$HOST_ROOT/agent"
    render agent.conf.in "$etc/trusted-launch-agent.conf"
    launch_in "$host" agent "$VENV/bin/trusted-launch-agent" \
        --config-file "$etc/trusted-launch-agent.conf"
}
