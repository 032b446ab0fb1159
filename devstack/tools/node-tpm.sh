#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# What can happen to the software TPM of a DevStack node.
#
#   node-tpm.sh CONF boot     bring it into the captured state, and lay down
#                             the logs that the kernel would show
#   node-tpm.sh CONF reboot   the same after a restart of the TPM
#   node-tpm.sh CONF taint    extend a register behind the log's back
#
# The plugin writes CONF: TCTI, CAPTURE, MEASURED, PYTHON and REPLAY.

set -euo pipefail

source "$1"

boot() {
    "$PYTHON" "$REPLAY" --tcti "$TCTI" --capture "$CAPTURE"
    cp "$CAPTURE/bios_measurements" "$MEASURED/binary_bios_measurements"
    cp "$CAPTURE/ima_bin" "$MEASURED/binary_runtime_measurements"
}

case "${2:-}" in
    boot)
        boot
        ;;
    reboot)
        # As an operating system does last: else the TPM's clock goes back.
        TPM2TOOLS_TCTI=$TCTI timeout 5 tpm2_shutdown --clear
        sudo systemctl restart devstack@tl-swtpm
        boot
        ;;
    taint)
        "$PYTHON" "$REPLAY" --tcti "$TCTI" --extend 4 "not in any profile"
        ;;
    *)
        echo "usage: see the head of $0" >&2
        exit 2
        ;;
esac
