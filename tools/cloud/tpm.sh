#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# The host's TPM: swtpm with EK certificates from a local CA, brought into
# the state of a captured boot.  Starting it again is a reboot of the host.

EK_CA=$CLOUD/ek-ca

# make_tpms: the CA and every host's TPM, once.
make_tpms() {
    local host
    mkdir -p "$EK_CA"
    ek_ca "$EK_CA" lab
    # One after the other: the first makes the CA.
    for host in "${HOSTS[@]}"; do
        _make_tpm "$host"
    done
}

_make_tpm() {
    local state
    state=$(host_root "$1")/tpm
    [[ -e $state/tpm2-00.permall ]] && return 0
    mkdir -p "$state"
    swtpm_setup --tpm2 --tpmstate "$state" --config "$EK_CA/setup.conf" \
        --create-ek-cert --create-platform-cert --lock-nvram \
        --pcr-banks sha256 --vmid "$1" --overwrite
}

start_swtpm() {
    local host=$1 state root
    root=$(host_root "$host")
    state=$root/tpm
    # A TPM that was left half-way through its boot starts again.
    if running "swtpm@$host"; then
        [[ ! -e $state.booted ]] || return 0
        stop_swtpm "$host"
    fi
    rm -f "$state.booted"
    launch_in "$host" swtpm swtpm socket --tpm2 --tpmstate "dir=$state" \
        --server "type=tcp,port=$TPM_PORT,bindaddr=127.0.0.1" \
        --ctrl "type=tcp,port=$(( TPM_PORT + 1 )),bindaddr=127.0.0.1" \
        --flags not-need-init,startup-clear
    in_host "$host" "$VENV/bin/python" "$CLOUD_DIR/replay" \
        --tcti "$TPM_TCTI" --capture "$CAPTURE"
    touch "$state.booted"
    # What the kernel would show below /sys/kernel/security.
    mkdir -p "$root/measurements"
    cp "$CAPTURE/bios_measurements" \
        "$root/measurements/binary_bios_measurements"
    cp "$CAPTURE/ima_bin" "$root/measurements/binary_runtime_measurements"
    cp "$CAPTURE/ima_ascii" "$root/measurements/ascii_runtime_measurements"
}

stop_swtpm() {
    local host=$1
    running "swtpm@$host" || return 0
    # As an operating system does last; without it the TPM's clock goes back.
    in_host "$host" timeout 3 env TPM2TOOLS_TCTI="$TPM_TCTI" \
        tpm2_shutdown --clear || true
    halt "swtpm@$host" TERM 5
}

# taint HOST [PCR]: extend a register with something that no log explains.
taint() {
    in_host "$1" "$VENV/bin/python" "$CLOUD_DIR/replay" \
        --tcti "$TPM_TCTI" --extend "${2:-4}" "not in any profile"
}

# measure HOST PATH [TEXT]: the host runs a file with this content.
measure() {
    in_host "$1" "$VENV/bin/python" "$CLOUD_DIR/replay" \
        --tcti "$TPM_TCTI" --lists "$(host_root "$1")/measurements" \
        --measure "$2" "${3:-not in any profile}"
}
