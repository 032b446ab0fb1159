#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Open vSwitch inside a host, with the userspace datapath: no kernel module.

_ovs() {
    local host=$1
    shift
    in_host "$host" ovs-vsctl --timeout=20 \
        --db=unix:/run/openvswitch/db.sock "$@"
}

start_openvswitch() {
    local host=$1
    in_host "$host" sh -c '[ -e /etc/openvswitch/conf.db ] ||
        ovsdb-tool create /etc/openvswitch/conf.db \
            /usr/share/openvswitch/vswitch.ovsschema'
    launch_in "$host" ovsdb ovsdb-server /etc/openvswitch/conf.db \
        --remote=punix:/run/openvswitch/db.sock \
        --unixctl=/run/openvswitch/ovsdb.ctl -vconsole:warn
    await "ovsdb@$host" in_host "$host" \
        test -S /run/openvswitch/db.sock
    # Ports of an earlier life have no device behind them any more.
    _ovs "$host" --no-wait --if-exists del-br br-int \
        -- add-br br-int -- set bridge br-int datapath_type=netdev \
        fail_mode=standalone -- add-port br-int guests
    launch_in "$host" vswitchd ovs-vswitchd unix:/run/openvswitch/db.sock \
        --unixctl=/run/openvswitch/vswitchd.ctl -vconsole:warn
    await "vswitchd@$host" in_host "$host" \
        test -e /sys/class/net/br-int
    in_host "$host" ip link set br-int up
}

stop_openvswitch() {
    halt "vswitchd@$1" TERM 3
    halt "ovsdb@$1" TERM 3
}
