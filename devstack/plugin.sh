#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# DevStack plugin of nova-trusted-launch: which part does what in which phase.

_TL_XTRACE=$(set +o | grep xtrace)
set +o xtrace

source "$TRUSTED_LAUNCH_DIR/tools/lib/ek_ca.sh"
for part in tpm database service agent nova dashboard tempest cloud; do
    source "$TRUSTED_LAUNCH_DIR/devstack/lib/$part"
done
unset part

# DevStack's own table tells at the end what the plugin took.
time_start "trusted_launch"
case "$1/${2:-}" in
    stack/pre-install)
        tl_demand_tpm
        tl_demand_database
        ;;
    stack/install)
        tl_install
        ;;
    stack/post-config)
        # What runs on from a stack that failed has older settings.
        tl_stop_agent
        tl_stop_service
        tl_stop_tpm
        tl_configure_nova
        tl_configure_dashboard
        if is_service_enabled tl-swtpm; then
            tl_configure_tpm
            tl_start_tpm
        fi
        if is_service_enabled tl-api; then
            tl_configure_service
            tl_start_service
        fi
        if is_service_enabled tl-agent; then
            tl_configure_agent
            tl_start_agent
        fi
        ;;
    stack/extra)
        if is_service_enabled tl-agent; then
            tl_approve_host
        fi
        if is_service_enabled tl-api; then
            tl_make_profile
            tl_make_flavor
        fi
        if is_service_enabled tl-agent; then
            tl_await_affirming
        fi
        ;;
    stack/test-config)
        if is_service_enabled tempest && is_service_enabled tl-api; then
            tl_configure_tempest
        fi
        ;;
    unstack/)
        tl_stop_agent
        tl_stop_service
        tl_stop_tpm
        ;;
    clean/)
        tl_clean_agent
        tl_clean_service
        tl_clean_tpm
        tl_clean_nova
        tl_clean_dashboard
        tl_clean_tempest
        ;;
esac
time_stop "trusted_launch"

$_TL_XTRACE
unset _TL_XTRACE
