#!/bin/busybox sh
# SPDX-License-Identifier: Apache-2.0
#
# All that runs in the measured guest: tell over the serial line what the
# kernel's logs say, then do nothing, so that no more is measured.

busybox mkdir -p /proc /sys /dev
busybox mount -t proc proc /proc
busybox mount -t sysfs sysfs /sys
busybox mount -t devtmpfs dev /dev
busybox mount -t securityfs securityfs /sys/kernel/security

# tell NAME FILE: between two lines, as base64.
tell() {
    echo "MEASURED-BEGIN $1"
    [ ! -r "$2" ] || busybox base64 "$2"
    echo "MEASURED-END $1"
}

busybox uname -a > /uname
tell uname /uname
tell cmdline /proc/cmdline
tell bios_measurements /sys/kernel/security/tpm0/binary_bios_measurements
tell ima_ascii /sys/kernel/security/ima/ascii_runtime_measurements
tell ima_bin /sys/kernel/security/ima/binary_runtime_measurements
echo MEASURED-DONE
while :; do
    busybox sleep 3600
done
