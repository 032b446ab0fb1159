#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# nova-compute inside a host.

start_nova_compute() {
    local host=$1 command driver
    command=$VENV/bin/nova-compute
    export COMPUTE_DRIVER=libvirt.LibvirtDriver
    if trusted_driver; then
        command=$VENV/bin/trusted-launch-nova-compute
        COMPUTE_DRIVER=${NTL_COMPUTE_DRIVER:-trusted_launch.LibvirtDriver}
    fi
    export HOST_NAME=$host HOST_ADDRESS HOST_ETC NOVA_HELPER VIRT_TYPE
    HOST_ADDRESS=$(host_address "$host")
    HOST_ETC=$(host_root "$host")/etc
    NOVA_HELPER=$VENV/bin/privsep-helper
    VIRT_TYPE=${NTL_VIRT_TYPE:-qemu}
    mkdir -p "$(host_root "$host")/var/lib/nova/instances"
    _nova_config
    render nova-compute.conf.in "$HOST_ETC/nova-compute.conf"
    launch_in "$host" nova-compute env PATH="$VENV/bin:$PATH" "$command" \
        --config-file "$ETC/nova/nova.conf" \
        --config-file "$HOST_ETC/nova-compute.conf"
    await "nova-compute@$host" has_said "nova-compute@$host" \
        "Starting compute node"
}
