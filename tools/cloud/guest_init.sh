#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# The only program of the lab's guest (busybox, process 1).  It tells the
# serial console what it found on its disk and on its config drive, then
# waits for the power button.

/bin/busybox --install -s /bin
export PATH=/bin
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs devtmpfs /dev

for module in virtio_pci virtio_blk virtio_net virtio-rng ata_piix sr_mod \
        isofs vfat nls_cp437 nls_ascii evdev button; do
    modprobe "$module" 2> /dev/null
done

tell() {
    echo "$*" > /dev/console
}

# field NAME FILE: the first string of that name in a JSON file
field() {
    tr ',{}[]' '\n\n\n\n\n' < "$2" \
        | sed -n "s/^ *\"$1\": *\"\([^\"]*\)\".*/\1/p" | head -n 1
}

learn() {
    tell "NONCE $1"
    printf '%s' "$1" > /nonce
}

# mount_drive: the config drive, on whichever device it is.
mount_drive() {
    for device in /dev/sr0 /dev/sr1 /dev/vd[a-z] /dev/sd[a-z]; do
        [ -b "$device" ] || continue
        for kind in iso9660 vfat; do
            mount -t "$kind" -o ro "$device" /drive 2> /dev/null || continue
            [ -d /drive/openstack ] && return 0
            umount /drive
        done
    done
    return 1
}

network() {
    data=/drive/openstack/latest/network_data.json
    [ -f "$data" ] || return 0
    address=$(field ip_address "$data")
    netmask=$(field netmask "$data")
    [ -n "$address" ] || return 0
    ifconfig eth0 "$address" netmask "$netmask" up && tell "ADDRESS $address"
}

mkdir -p /drive /disk
tries=0
until mount_drive || [ $tries -ge 20 ]; do
    tries=$((tries + 1))
    usleep 200000
done

if mount -t vfat -o ro /dev/vda /disk 2> /dev/null; then
    if [ -f /disk/marker.txt ]; then
        tell "MARKER-SHA256 $(sha256sum /disk/marker.txt | cut -c 1-64)"
    fi
    umount /disk
fi
for file in /drive/openstack/latest/vendor_data2.json \
        /drive/openstack/trusted_launch.json \
        /drive/openstack/latest/trusted_launch.json \
        /drive/openstack/content/* /drive/trusted-launch/*; do
    [ -f "$file" ] || continue
    tell "SHA256 ${file#/drive/} $(sha256sum "$file" | cut -c 1-64)"
    nonce=$(field nonce "$file")
    [ -z "$nonce" ] || learn "$nonce"
done
if [ -f /drive/trusted-launch/nonce ]; then
    learn "$(cat /drive/trusted-launch/nonce)"
fi
if [ -f /drive/openstack/latest/meta_data.json ]; then
    tell "INSTANCE $(field uuid /drive/openstack/latest/meta_data.json)"
fi
network
umount /drive 2> /dev/null

# Who knows the nonce can ask on TCP port 7: the answer to a line of text is
# SHA-256 of "nonce:text".
if [ -s /nonce ]; then
    nc -ll -p 7 -e /prove &
fi

tell "GUEST-READY $(cut -d ' ' -f 1 /proc/uptime) s after the kernel started"
acpid -d > /dev/null 2>&1 &
while :; do
    sleep 3600
done
