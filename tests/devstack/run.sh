#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# run.sh MODE [PHASE]: run one phase of the plugin, as DevStack would;
# "run.sh settings" says what services and tests are enabled.

set -o errexit

source "$(dirname "$0")/devstack.sh"
if [[ ${FUNCTIONS:-} ]]; then
    source "$FUNCTIONS"
fi
source "$TRUSTED_LAUNCH_DIR/devstack/settings"
if [[ $1 == settings ]]; then
    # DevStack sources them more than once.
    source "$TRUSTED_LAUNCH_DIR/devstack/settings"
    echo "$ENABLED_SERVICES"
    echo "${TEMPEST_PLUGINS:-}"
    exit
fi
# DevStack's own shell traps errors and does not demand that names be set.
source "$TRUSTED_LAUNCH_DIR/devstack/plugin.sh" "$@"
