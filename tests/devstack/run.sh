#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# run.sh MODE [PHASE]: run one phase of the plugin, as DevStack would.

set -o errexit

source "$(dirname "$0")/devstack.sh"
if [[ ${FUNCTIONS:-} ]]; then
    source "$FUNCTIONS"
fi
source "$TRUSTED_LAUNCH_DIR/devstack/settings"
# DevStack's own shell traps errors and does not demand that names be set.
source "$TRUSTED_LAUNCH_DIR/devstack/plugin.sh" "$@"
