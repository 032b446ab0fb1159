#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# A certificate authority for software TPMs.

# ek_ca FOLDER MODEL: what swtpm_setup needs to issue EK certificates there,
# as FOLDER/setup.conf; swtpm_localca makes the keys with the first TPM.
ek_ca() {
    local ca=$1 model=$2
    cat > "$ca/localca.conf" <<CONF
statedir = $ca
signingkey = $ca/signkey.pem
issuercert = $ca/issuercert.pem
certserial = $ca/certserial
CONF
    cat > "$ca/localca.options" <<CONF
--platform-manufacturer nova-trusted-launch
--platform-version 1
--platform-model $model
CONF
    cat > "$ca/setup.conf" <<CONF
create_certs_tool = $(type -P swtpm_localca)
create_certs_tool_config = $ca/localca.conf
create_certs_tool_options = $ca/localca.options
CONF
}
