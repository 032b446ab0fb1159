#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# libvirtd and virtlogd inside a host.

start_libvirt() {
    local host=$1
    _libvirt_account
    _libvirt_config "$host"
    launch_in "$host" virtlogd virtlogd -f /etc/libvirt/virtlogd.conf \
        -p /run/libvirt/virtlogd.pid
    launch_in "$host" libvirtd libvirtd -f /etc/libvirt/libvirtd.conf \
        -p /run/libvirt/libvirtd.pid --listen
    await "libvirtd@$host" in_host "$host" \
        test -S /run/libvirt/libvirt-sock
}

start_libvirtd() {
    start_libvirt "$1"
}

start_virtlogd() {
    start_libvirt "$1"
}

# The package's account: libvirtd wants it to exist, even when QEMU runs as
# root.
_libvirt_account() {
    getent group libvirt-qemu > /dev/null || groupadd -r libvirt-qemu
    getent passwd libvirt-qemu > /dev/null \
        || useradd -r -g libvirt-qemu -s /usr/sbin/nologin libvirt-qemu
}

_libvirt_config() {
    local etc
    etc=$(host_root "$1")/etc/libvirt
    export HOST_UUID HOST_ADDRESS
    HOST_ADDRESS=$(host_address "$1")
    # The same after every restart.
    HOST_UUID=$(echo "$1" | md5sum | sed -E \
        's/^(.{8})(.{4})(.{4})(.{4})(.{12}).*/\1-\2-\3-\4-\5/')
    render libvirtd.conf.in "$etc/libvirtd.conf"
    render qemu.conf.in "$etc/qemu.conf"
    render virtlogd.conf.in "$etc/virtlogd.conf"
    qemu_certificates "$1" "$etc/tls"
}
