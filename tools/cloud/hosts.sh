#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# A compute host: mount, host name and network namespaces held by one sleeping
# process.  What libvirt, swtpm, Open vSwitch and Nova keep below /etc, /run
# and /var is bind-mounted from the host's own folder.

# Each of these is private to a host.
HOST_FOLDERS=(etc/libvirt etc/openvswitch etc/ssh run/libvirt run/openvswitch
    run/sshd var/cache/libvirt var/lib/libvirt var/lib/nova var/log/libvirt
    var/log/swtpm)

host_root() {
    echo "$CLOUD/hosts/$1"
}

# in_host HOST COMMAND...
in_host() {
    local pid
    pid=$(recorded_pid "host@$1") || die "host $1 is not up"
    shift
    nsenter -t "$pid" -m -u -n -r -w -- "$@"
}

# launch_in HOST NAME COMMAND...: start NAME@HOST inside the host.
launch_in() {
    local host=$1 name=$2 pid
    shift 2
    pid=$(recorded_pid "host@$host") || die "host $host is not up"
    launch "$name@$host" nsenter -t "$pid" -m -u -n -r -w -- "$@"
}

# start_network: the bridges that the hosts are plugged into.
start_network() {
    _bridge "$BRIDGE" "$ADDRESS/24"
    _bridge "$GUEST_BRIDGE" "$GUEST_SUBNET.1/24"
}

_bridge() {
    if ! ip link show "$1" > /dev/null 2>&1; then
        ip link add "$1" type bridge
        ip addr add "$2" dev "$1"
    fi
    ip link set "$1" up
    # The userspace datapath passes packets on as they are: the sender has
    # to complete the checksums.
    ethtool -K "$1" tx off > /dev/null
}

stop_network() {
    local name
    for name in "$BRIDGE" "$GUEST_BRIDGE"; do
        ! ip link show "$name" > /dev/null 2>&1 || ip link del "$name"
    done
}

start_host() {
    local host=$1 root folder pid
    running "host@$host" && [[ -e $RUN_DIR/host@$host.ready ]] && return 0
    # Its daemons would go on in the namespaces of a half made one.
    stop_host "$host"
    root=$(host_root "$host")
    for folder in "${HOST_FOLDERS[@]}"; do
        mkdir -p "$root/$folder" "/$folder"
    done
    mkdir -p /run/trusted-launch
    rm -f "$RUN_DIR/host@$host.ready"
    # Sockets and pid files of an earlier life.
    rm -rf "$root"/run/*/*
    launch "host@$host" unshare --mount --uts --net \
        --propagation private --wd=/ sleep infinity
    pid=$(recorded_pid "host@$host") || true
    await "host@$host" _is_asleep "$pid"
    echo "ntl-$(_random 8)" > "$RUN_DIR/host@$host.token"
    in_host "$host" mount -t tmpfs -o mode=0755,size=64m \
        "$(< "$RUN_DIR/host@$host.token")" /run/trusted-launch
    for folder in "${HOST_FOLDERS[@]}"; do
        in_host "$host" mount --bind "$root/$folder" "/$folder"
    done
    # Libvirt keeps a file here with the key that guards the others.
    mkdir -p "$root/var/lib/libvirt/qemu"
    in_host "$host" mount -t tmpfs -o mode=0751,size=64m tmpfs \
        /var/lib/libvirt/qemu
    in_host "$host" mount -t sysfs sysfs /sys
    in_host "$host" hostname "$host"
    in_host "$host" ip link set lo up
    _plug "$host" "$BRIDGE" eth0 m
    in_host "$host" ip addr add "$(host_address "$host")/24" dev eth0
    _plug "$host" "$GUEST_BRIDGE" guests g
    touch "$RUN_DIR/host@$host.ready"
}

# _is_asleep PID: in its own namespaces then.
_is_asleep() {
    [[ $(cat "/proc/$1/comm") == sleep ]]
}

# _plug HOST BRIDGE DEVICE LETTER: a cable from the bridge into the host.
_plug() {
    local host=$1 bridge=$2 device=$3 pid end
    pid=$(recorded_pid "host@$host") || true
    end=ntl${NTL_CLOUD_NUMBER}$4$(host_number "$host")
    # A cable of an earlier life goes with its namespace, but not at once.
    ! ip link show "$end" > /dev/null 2>&1 || ip link del "$end" || true
    ip link add "$end" type veth peer name "$device" netns "$pid"
    ip link set "$end" master "$bridge" up
    in_host "$host" ip link set "$device" up
}

# stop_host HOST: its daemons, its guests, then the namespaces.
stop_host() {
    local host=$1 name pid token
    for name in nova-compute agent sshd libvirtd virtlogd; do
        halt "$name@$host" TERM 8
    done
    stop_swtpm "$host"
    stop_openvswitch "$host"
    # QEMU, its TPMs, Nova's privileged helpers: whatever else is left of
    # the host.
    if [[ -s $RUN_DIR/host@$host.token ]]; then
        token=$(< "$RUN_DIR/host@$host.token")
        for pid in $(_inhabitants "$token"); do
            [[ ! $(_inhabitants "$token" "$pid") ]] \
                || kill -KILL "$pid" 2>/dev/null || true
        done
    fi
    halt "host@$host" KILL
    rm -f "$RUN_DIR/host@$host".{token,ready}
}

# _inhabitants TOKEN [PID]: the processes of a host.  What they have in
# common, and nothing else has, is a mount of that name; numbers of namespaces
# are used again.
_inhabitants() {
    grep -lsF " - tmpfs $1 " /proc/${2:-[0-9]*}/mountinfo | cut -d / -f 3
}
