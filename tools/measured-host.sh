#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Boot a small Debian guest as a host would boot (OVMF with Secure Boot, shim,
# GRUB, Debian's signed kernel with ima_policy=tcb, a TPM) and collect its
# evidence into a folder that "attestation-verify evidence" reads.
#
# The TPM outlives the guest: the guest tells its logs over the serial line
# and stops measuring, is ended as by a power cut, and the agent's own code
# then has the quote made, of the registers that this boot left behind.

set -euo pipefail

TOP_DIR=$(readlink -f "$(dirname "$(readlink -f "$0")")/..")
source "$TOP_DIR/tools/lib/output.sh"
source "$TOP_DIR/tools/lib/packages.sh"
source "$TOP_DIR/tools/lib/venv.sh"
source "$TOP_DIR/tools/lib/ek_ca.sh"
NTL_STATE=${NTL_STATE:-$HOME/.nova-trusted-launch}
WORK=$NTL_STATE/measured
FIRMWARE=/usr/share/OVMF
PATIENCE=900
# KVM is quicker where it can emulate System Management Mode, which the
# firmware needs for Secure Boot; nested it often cannot.
ACCEL=${NTL_MEASURED_ACCEL:-tcg}

usage() {
    cat >&2 <<'TEXT'
usage: tools/measured-host.sh [--nonce HEX] [--append "WORDS"]
                              [--no-secure-boot] FOLDER

  --nonce HEX       what the quote has to carry (default: random)
  --append WORDS    more words for the kernel's command line
  --no-secure-boot  with the firmware's keys left out

Needs two to five minutes.  FOLDER must be new.
TEXT
    exit 2
}

# Only unpacked, never installed: the machine keeps its own boot loader.
fetch_debian() {
    local tree=$WORK/tree
    [[ ! -e $tree/done ]] || return 0
    rm -rf "$tree" "$WORK/debs"
    mkdir -p "$tree" "$WORK/debs"
    local kernel
    kernel=$(apt-cache depends linux-image-cloud-amd64 2>/dev/null \
        | awk '/Depends: linux-image-/ { print $2; exit }')
    ( cd "$WORK/debs" && apt-get download -q \
        -o APT::Sandbox::User=root shim-signed grub-efi-amd64-signed \
        "$kernel" )
    local package
    for package in "$WORK"/debs/*.deb; do
        dpkg -x "$package" "$tree"
    done
    touch "$tree/done"
}

make_initrd() {
    local tree=$WORK/initrd.tree
    rm -rf "$tree"
    mkdir -p "$tree/bin"
    cp "$(command -v busybox)" "$tree/bin/busybox"
    install -m 755 "$TOP_DIR/tools/measured/init.sh" "$tree/init"
    ( cd "$tree" && find . | cpio -o -H newc --quiet ) | gzip -1 \
        > "$WORK/initrd"
}

# A FAT file system is all that the firmware needs.
make_disk() {
    local disk=$WORK/disk words="console=ttyS0,115200 quiet ima_policy=tcb"
    # IMA's policy leaves out what is on tmpfs.
    words+=" rootfstype=ramfs rdinit=/init"
    cat > "$WORK/grub.cfg" <<CFG
set timeout=0
linux /vmlinuz $words $1
initrd /initrd.img
boot
CFG
    rm -f "$disk"
    truncate -s 64M "$disk"
    mformat -i "$disk" -F ::
    mmd -i "$disk" ::/EFI ::/EFI/BOOT ::/EFI/debian
    mcopy -i "$disk" "$WORK/tree/usr/lib/shim/shimx64.efi.signed" \
        ::/EFI/BOOT/BOOTX64.EFI
    mcopy -i "$disk" \
        "$WORK"/tree/usr/lib/grub/x86_64-efi-signed/grubx64.efi.signed \
        ::/EFI/BOOT/grubx64.efi
    mcopy -i "$disk" "$WORK/grub.cfg" ::/EFI/debian/grub.cfg
    mcopy -i "$disk" "$WORK"/tree/boot/vmlinuz-* ::/vmlinuz
    mcopy -i "$disk" "$WORK/initrd" ::/initrd.img
}

# make_tpm: a new TPM with papers of a CA of its own, kept in trust/software.
make_tpm() {
    local ca=$WORK/ca
    mkdir -p "$ca" "$WORK/trust/software"
    ek_ca "$ca" measured
    rm -rf "$WORK/tpm"
    mkdir -p "$WORK/tpm"
    swtpm_setup --tpm2 --tpmstate "$WORK/tpm" --config "$ca/setup.conf" \
        --create-ek-cert --create-platform-cert --lock-nvram \
        --pcr-banks sha256 --vmid measured-host --overwrite \
        > "$WORK/swtpm_setup.log"
    cp "$ca"/*cert.pem "$WORK/trust/software/"
}

start_tpm() {
    rm -f "$WORK/tpm.sock"
    swtpm socket --tpm2 --tpmstate "dir=$WORK/tpm" \
        --ctrl "type=unixio,path=$WORK/tpm.sock" \
        > "$WORK/swtpm.log" 2>&1 &
    TPM_PID=$!
}

boot() {
    local vars=$FIRMWARE/OVMF_VARS_4M.ms.fd
    [[ $1 ]] || vars=$FIRMWARE/OVMF_VARS_4M.fd
    cp "$vars" "$WORK/vars.fd"
    : > "$WORK/console"
    qemu-system-x86_64 -machine "q35,smm=on,accel=$ACCEL" -m 512 \
        -global driver=cfi.pflash01,property=secure,value=on \
        -drive "if=pflash,format=raw,readonly=on,file=$FIRMWARE/$2" \
        -drive "if=pflash,format=raw,file=$WORK/vars.fd" \
        -drive "if=virtio,format=raw,file=$WORK/disk" \
        -chardev "socket,id=tpm,path=$WORK/tpm.sock" \
        -tpmdev emulator,id=tpm0,chardev=tpm -device tpm-tis,tpmdev=tpm0 \
        -nic none -nographic -no-reboot -monitor none \
        -serial "file:$WORK/console" > "$WORK/qemu.log" 2>&1 &
    GUEST_PID=$!
}

wait_for_guest() {
    local began=$SECONDS
    until grep -q '^MEASURED-DONE' "$WORK/console"; do
        kill -0 "$GUEST_PID" 2>/dev/null \
            || { tail -n 5 "$WORK/qemu.log" "$WORK/console" >&2; return 1; }
        if (( SECONDS - began > PATIENCE )); then
            tail -n 5 "$WORK/console" >&2
            return 1
        fi
        if (( (SECONDS - began) % 15 == 0 )); then
            say "waiting for the guest ($(( SECONDS - began )) s)"
        fi
        sleep 1
    done
}

# Ends what was started here, and nothing else.
finish() {
    local pid
    for pid in ${GUEST_PID:-} ${TPM_PID:-}; do
        kill -9 "$pid" 2>/dev/null || true
    done
}

main() {
    local nonce="" append="" secure=yes folder=""
    while (( $# )); do
        case $1 in
            --nonce) nonce=${2:?}; shift ;;
            --append) append=${2:?}; shift ;;
            --no-secure-boot) secure="" ;;
            -*) usage ;;
            *) [[ ! $folder ]] || usage; folder=$1 ;;
        esac
        shift
    done
    [[ $folder && ! -e $folder ]] || usage
    folder=$(readlink -m "$folder")
    nonce=${nonce:-$(od -An -N32 -tx1 /dev/urandom | tr -d ' \n')}
    say "preparing: Debian packages and the pinned Python environment"
    packages_install measured
    venv_ensure test
    mkdir -p "$WORK"
    trap finish EXIT
    say "Debian's shim, GRUB and kernel, a disk, a TPM"
    fetch_debian
    make_initrd
    make_disk "$append"
    make_tpm
    start_tpm
    say "booting"
    boot "$secure" OVMF_CODE_4M.ms.fd
    wait_for_guest
    # As by a power cut: a guest that shuts down would tell the TPM.
    kill -9 "$GUEST_PID"
    wait "$GUEST_PID" 2>/dev/null || true
    cd "$TOP_DIR"
    "$VENV/bin/python" -W ignore -m tools.measured.collect \
        "$WORK/console" "$WORK/tpm.sock" "$nonce" "$folder"
    say "judge it with"
    echo "attestation-verify draft $folder --trust $WORK/trust" \
        "--nonce $nonce > profile.yaml"
    echo "attestation-verify evidence $folder --profile profile.yaml" \
        "--trust $WORK/trust --nonce $nonce"
}

main "$@"
