#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Make the disk of a small guest: Debian's cloud kernel and a busybox
# initramfs on a FAT file system, started by syslinux.  No root rights, no
# loop device.
#
#   guest_image.sh --output FILE [--marker TEXT] [--size MIB]
#                  [--format qcow2|raw]
#
# --marker puts TEXT in the clear into a file of the disk, so that a search of
# a host's storage can tell whether the plaintext was ever there.

set -euo pipefail

HERE=$(dirname "$(readlink -f "$0")")
CACHE=${NTL_STATE:-$HOME/.nova-trusted-launch}/guest
MODULES=(virtio_pci virtio_blk virtio_net virtio-rng ata_piix sr_mod isofs
    vfat nls_cp437 nls_ascii evdev button)

main() {
    local output="" marker="" size=48 format=qcow2 work
    while (( $# )); do
        case $1 in
            --output) output=$2 ;;
            --marker) marker=$2 ;;
            --size) size=$2 ;;
            --format) format=$2 ;;
            *) echo "usage: see the head of $0" >&2; exit 2 ;;
        esac
        shift 2
    done
    [[ $output ]] || { echo "--output is missing" >&2; exit 2; }

    mkdir -p "$CACHE"
    [[ -e $CACHE/vmlinuz ]] || fetch_kernel
    if [[ ! $CACHE/initrd -nt $HERE/guest_init.sh \
            || ! $CACHE/initrd -nt $HERE/guest_image.sh ]]; then
        make_initrd
    fi
    work=$(mktemp -d "$CACHE/disk.XXXXXX")
    # shellcheck disable=SC2064
    trap "rm -rf '$work'" EXIT
    make_disk "$work" "$marker" "$size"
    qemu-img convert -f raw -O "$format" "$work/disk" "$output"
    echo "made $output"
}

# Only unpacked, never installed: the machine keeps its own kernel.
fetch_kernel() {
    local package work=$CACHE/kernel.new
    rm -rf "$work"
    mkdir -p "$work"
    package=$(kernel_package)
    if [[ ! $package ]]; then
        apt-get update -q
        package=$(kernel_package)
    fi
    ( cd "$work" && apt-get download -q -o APT::Sandbox::User=root \
        "$package" && dpkg -x ./*.deb tree )
    rm -rf "$CACHE/kernel"
    mv "$work/tree" "$CACHE/kernel"
    rm -rf "$work"
    busybox depmod -b "$CACHE/kernel" "$(kernel_version)"
    cp "$CACHE"/kernel/boot/vmlinuz-* "$CACHE/vmlinuz"
}

kernel_package() {
    apt-cache depends linux-image-cloud-amd64 2>/dev/null \
        | awk '/Depends: linux-image-/ { print $2; exit }'
}

kernel_version() {
    basename "$CACHE"/kernel/lib/modules/*
}

make_initrd() {
    local tree=$CACHE/initrd.new version modules file
    rm -rf "$tree"
    version=$(kernel_version)
    modules=lib/modules/$version
    mkdir -p "$tree"/{bin,dev,proc,sys,etc/acpi/PWRF,"$modules"}
    cp "$(command -v busybox)" "$tree/bin/busybox"
    ln -s busybox "$tree/bin/sh"
    install -m 755 "$HERE/guest_init.sh" "$tree/init"
    cat > "$tree/prove" <<'PROVE'
#!/bin/sh
read -r text
printf '%s:%s' "$(cat /nonce)" "$text" | sha256sum | cut -c 1-64
PROVE
    chmod 755 "$tree/prove"
    printf '#!/bin/sh\n/bin/poweroff -f\n' > "$tree/etc/acpi/PWRF/00000080"
    chmod 755 "$tree/etc/acpi/PWRF/00000080"
    while read -r file; do
        install -D -m 644 "$CACHE/kernel/$modules/$file" \
            "$tree/$modules/$file"
    done < <(module_files "$CACHE/kernel/$modules/modules.dep")
    busybox depmod -b "$tree" "$version"
    ( cd "$tree" && find . | LC_ALL=C sort | cpio -o -H newc --quiet \
        -R 0:0 | gzip -n -9 ) > "$CACHE/initrd.tmp"
    rm -rf "$tree"
    mv "$CACHE/initrd.tmp" "$CACHE/initrd"
}

# The modules and what they need, from "file: needed file ..." lines.
module_files() {
    awk -v wanted="${MODULES[*]}" '
        function take(file,   n, i, parts) {
            if (file in taken) return
            taken[file] = 1
            print file
            n = split(needs[file], parts, " ")
            for (i = 1; i <= n; i++) take(parts[i])
        }
        {
            file = $1; sub(/:$/, "", file)
            name = file; sub(/.*\//, "", name); sub(/\.ko.*/, "", name)
            files[name] = file
            $1 = ""; needs[file] = $0
        }
        END {
            n = split(wanted, names, " ")
            for (i = 1; i <= n; i++)
                if (names[i] in files) take(files[names[i]])
        }' "$1"
}

make_disk() {
    local work=$1 marker=$2 size=$3 disk=$1/disk
    truncate -s "${size}M" "$disk"
    mkfs.fat -n GUEST "$disk" > /dev/null
    cat > "$work/syslinux.cfg" <<'CFG'
DEFAULT guest
PROMPT 0
TIMEOUT 1
LABEL guest
  KERNEL vmlinuz
  APPEND initrd=initrd console=ttyS0,115200 quiet panic=1
CFG
    mcopy -i "$disk" "$work/syslinux.cfg" ::syslinux.cfg
    mcopy -i "$disk" "$CACHE/vmlinuz" ::vmlinuz
    mcopy -i "$disk" "$CACHE/initrd" ::initrd
    if [[ $marker ]]; then
        printf '%s\n' "$marker" > "$work/marker.txt"
        mcopy -i "$disk" "$work/marker.txt" ::marker.txt
    fi
    syslinux --install "$disk"
}

main "$@"
