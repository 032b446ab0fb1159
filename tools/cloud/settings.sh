#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Where everything of the cloud lives, and how it is reached.
#
# NTL_STATE         everything the tools make            ~/.nova-trusted-launch
# NTL_CLOUD_NUMBER  0..9: ports and addresses, so that clouds can be neighbours
# NTL_HOSTS         names of the compute hosts           "host-a host-b"
# NTL_DRIVER        trusted | stock: which driver nova-compute loads; trusted
#                   as soon as the project is installed with its driver

export NTL_STATE=${NTL_STATE:-$HOME/.nova-trusted-launch}
NTL_CLOUD_NUMBER=${NTL_CLOUD_NUMBER:-0}
read -r -a HOSTS <<< "${NTL_HOSTS:-host-a host-b}"

export CLOUD=$NTL_STATE/cloud
RUN_DIR=$CLOUD/run
LOG_DIR=$CLOUD/logs
STAMP_DIR=$CLOUD/stamps
export ETC=$CLOUD/etc

# One management network: the controller is .1, the hosts .11, .12, ...
SUBNET=10.253.$NTL_CLOUD_NUMBER
export ADDRESS=$SUBNET.1
BRIDGE=ntl$NTL_CLOUD_NUMBER
# One network for guests; the machine itself is .1 in it.
GUEST_SUBNET=10.254.$NTL_CLOUD_NUMBER
GUEST_BRIDGE=ntl${NTL_CLOUD_NUMBER}guests

_port() {
    echo $(( ${NTL_PORT_BASE:-20000} + 100 * NTL_CLOUD_NUMBER + $1 ))
}

# The last two digits recall the usual port of each service.
export KEYSTONE_PORT MARIADB_PORT RABBITMQ_PORT NOVA_PORT PLACEMENT_PORT
export GLANCE_PORT NEUTRON_PORT ATTESTATION_PORT HORIZON_PORT
KEYSTONE_PORT=$(_port 0)
MARIADB_PORT=$(_port 6)
ATTESTATION_PORT=$(_port 33)
EPMD_PORT=$(_port 69)
RABBITMQ_DIST_PORT=$(_port 71)
RABBITMQ_PORT=$(_port 72)
NOVA_PORT=$(_port 74)
PLACEMENT_PORT=$(_port 78)
HORIZON_PORT=$(_port 80)
GLANCE_PORT=$(_port 92)
NEUTRON_PORT=$(_port 96)

export REGION=RegionOne
export AUTH_URL=http://$ADDRESS:$KEYSTONE_PORT/v3
export ATTESTATION_URL=http://$ADDRESS:$ATTESTATION_PORT

# The captured boot that each host's TPM is brought into.
CAPTURE=${NTL_CAPTURE:-$TOP_DIR/tests/vectors/hosts/sb-tcg}

# Both TPM ports are inside the host's own network namespace.
TPM_PORT=2321
export TPM_TCTI=swtpm:host=127.0.0.1,port=$TPM_PORT

# load_secrets: random passwords, made once for the life of the state.
load_secrets() {
    local name file=$CLOUD/secrets
    if [[ ! -e $file ]]; then
        for name in ADMIN ALICE SERVICE DATABASE BUS; do
            echo "${name}_PASSWORD=$(_random 16)"
        done > "$file.new"
        echo "ERLANG_COOKIE=$(_random 16)" >> "$file.new"
        chmod 600 "$file.new"
        mv "$file.new" "$file"
    fi
    set -a
    # shellcheck source=/dev/null
    source "$file"
    set +a
    export TRANSPORT_URL
    TRANSPORT_URL=rabbit://openstack:$BUS_PASSWORD@$ADDRESS:$RABBITMQ_PORT/
}

_random() {
    od -An -N"$1" -tx1 /dev/urandom | tr -d ' \n'
}

# database_url NAME: every component has a database and an account.
database_url() {
    echo "mysql+pymysql://$1:$DATABASE_PASSWORD@$ADDRESS:$MARIADB_PORT/$1?charset=utf8mb4"
}

# render TEMPLATE TARGET: fill in $NAMES from the environment.
render() {
    mkdir -p "$(dirname "$2")"
    "$VENV/bin/python" -S "$CLOUD_DIR/render.py" "$CLOUD_DIR/etc/$1" "$2"
}

# once STAMP COMMAND...: run it until it has succeeded with these packages.
once() {
    local stamp=$STAMP_DIR/$1
    shift
    [[ -e $stamp && $(< "$stamp") == "$VENV" ]] && return 0
    "$@"
    mkdir -p "$STAMP_DIR"
    echo "$VENV" > "$stamp"
}

# host_number HOST: 1 for the first
host_number() {
    local i
    for i in "${!HOSTS[@]}"; do
        if [[ ${HOSTS[$i]} == "$1" ]]; then
            echo $(( i + 1 ))
            return 0
        fi
    done
    die "no such host: $1 (there are: ${HOSTS[*]})"
}

host_address() {
    echo "$SUBNET.$(( 10 + $(host_number "$1") ))"
}
