#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# A whole OpenStack cloud on this machine, without systemd.

set -euo pipefail

TOP_DIR=$(readlink -f "$(dirname "$(readlink -f "$0")")/..")
CLOUD_DIR=$TOP_DIR/tools/cloud
# Everything below is sourced: functions only.
source "$TOP_DIR/tools/lib/output.sh"
source "$TOP_DIR/tools/lib/steps.sh"
source "$TOP_DIR/tools/lib/processes.sh"
source "$TOP_DIR/tools/lib/packages.sh"
source "$TOP_DIR/tools/lib/venv.sh"
source "$TOP_DIR/tools/lib/ek_ca.sh"
source "$CLOUD_DIR/settings.sh"
for component in mariadb rabbitmq keystone glance placement neutron nova \
        attestation horizon hosts openvswitch tpm libvirt moving compute \
        agent tempest; do
    source "$CLOUD_DIR/$component.sh"
done

usage() {
    cat >&2 <<'TEXT'
usage: tools/cloud.sh COMMAND

  up [--with horizon]  bring it up, or back up: starts what does not run;
                       with Horizon, now and from then on
  down [--wipe]        stop every process; --wipe: forget everything too
  status               a table of what runs
  env [USER]           what a shell needs: eval "$(tools/cloud.sh env)"
                       USER is admin (default) or alice
  host HOST COMMAND    run a command inside a compute host
  start COMPONENT      one component, as "status" names it
  stop COMPONENT
  kill COMPONENT       stop it by signal 9
  restart COMPONENT    swtpm@HOST restarted is a measured reboot
  reboot HOST          stop a whole host, its guests too, and start it
  taint HOST [PCR]     extend a register of its TPM, past the log
  measure HOST PATH [TEXT]
                       let it run a file with this content (IMA)
  tempest [--smoke] [ARGUMENT...]
                       run the project's Tempest tests (see --help)
  logs COMPONENT       where its log is
  url horizon          where Horizon is

Everything is kept in $NTL_STATE (~/.nova-trusted-launch).
TEXT
    exit 2
}

# In the order in which they are stopped.
CONTROLLER=(horizon nova-scheduler nova-conductor nova-api attestation neutron
    glance placement keystone rabbitmq epmd mariadb)
HOST_PARTS=(nova-compute agent sshd libvirtd virtlogd vswitchd ovsdb swtpm
    host)

prepare() {
    local sets=(cloud)
    if horizon_wanted; then
        sets+=(horizon)
    fi
    packages_install cloud
    venv_ensure "${sets[@]}"
    mkdir -p "$RUN_DIR" "$LOG_DIR" "$STAMP_DIR" "$ETC" "$CLOUD/locks"
    chmod 700 "$CLOUD"
    load_secrets
    export OS_CLIENT_CONFIG_FILE=$CLOUD/clouds.yaml
    render clouds.yaml.in "$OS_CLIENT_CONFIG_FILE"
}

# One command at a time changes the cloud.
locked() {
    mkdir -p "$CLOUD"
    exec 9> "$CLOUD/lock"
    flock -n 9 || die "another tools/cloud.sh is at work on $CLOUD"
}

up() {
    local began host
    began=$(now_ms)
    [[ $EUID == 0 ]] || die "the cloud needs root: namespaces, bridges, taps"
    locked
    case $* in
        "") ;;
        "--with horizon") touch "$CLOUD/with-horizon" ;;
        *) usage ;;
    esac
    say "cloud in $CLOUD"
    prepare
    start_network
    steps_begin "$LOG_DIR/steps"
    step mariadb "" start_mariadb
    step tpms "" make_tpms
    step moving-keys "" make_moving_keys
    step rabbitmq "" start_rabbitmq
    step keystone-database "mariadb" keystone_database
    step neutron-database "mariadb" neutron_database
    step nova-database "mariadb" nova_database
    step glance-database "mariadb" glance_database
    step keystone "keystone-database" start_keystone
    step accounts "keystone" keystone_accounts
    step guest-image "" guest_image
    step placement "mariadb accounts" start_placement
    step glance "glance-database accounts" start_glance
    step neutron "neutron-database accounts rabbitmq" start_neutron
    step nova-api "nova-database accounts rabbitmq" start_nova_api
    step nova-conductor "nova-database accounts rabbitmq placement" \
        start_nova_conductor
    step nova-scheduler "nova-database accounts rabbitmq placement" \
        start_nova_scheduler
    step attestation "tpms accounts mariadb rabbitmq" start_attestation
    for host in "${HOSTS[@]}"; do
        step "$host" "tpms moving-keys" start_host_machine "$host"
        # Asked before it listens, the conductor costs it ten seconds.
        step "nova-compute@$host" "$host nova-conductor" \
            start_nova_compute "$host"
        step "agent@$host" "$host attestation" start_agent "$host"
    done
    if horizon_wanted; then
        step horizon-static "" horizon_static
        step horizon "horizon-static accounts" start_horizon
    fi
    step resources "nova-api neutron glance guest-image nova-conductor
        nova-scheduler $(printf 'nova-compute@%s ' "${HOSTS[@]}")" resources
    steps_finish || die "the cloud is not up; logs are in $LOG_DIR"
    say "up after $(seconds_since "$began") s;" \
        "next: eval \"\$(tools/cloud.sh env)\""
    if horizon_wanted; then
        say "Horizon: $(horizon_url horizon); users admin and alice," \
            "passwords: tools/cloud.sh env USER"
    fi
}

# start_host_machine HOST: everything of it but OpenStack and the agent.
start_host_machine() {
    start_host "$1"
    start_swtpm "$1"
    start_openvswitch "$1"
    start_libvirt "$1"
    start_sshd "$1"
}

guest_image() {
    [[ -e $CLOUD/guest.qcow2 ]] || "$CLOUD_DIR/guest_image.sh" \
        --output "$CLOUD/guest.qcow2"
}

resources() {
    "$VENV/bin/python" "$CLOUD_DIR/resources.py" "$CLOUD/guest.qcow2" \
        "$GUEST_SUBNET" "${HOSTS[@]}"
}

down() {
    local host name began
    began=$(now_ms)
    locked
    for host in $(known_hosts); do
        stop_host "$host" &
    done
    for name in "${CONTROLLER[@]}"; do
        [[ $name == mariadb ]] || halt "$name" TERM 8 &
    done
    wait
    halt mariadb TERM 20
    stop_network
    if [[ ${1:-} == --wipe ]]; then
        rm -rf "$CLOUD"
    fi
    say "down after $(seconds_since "$began") s"
}

# known_hosts: those that run may be others than those of the settings.
known_hosts() {
    local file
    {
        printf '%s\n' "${HOSTS[@]}"
        for file in "$RUN_DIR"/host@*.pid; do
            [[ ! -e $file ]] || basename "$file" .pid | cut -d @ -f 2
        done
    } | sort -u
}

component_names() {
    local host name
    for (( i = ${#CONTROLLER[@]} - 1; i >= 0; i-- )); do
        [[ ${CONTROLLER[$i]} == horizon ]] && ! horizon_wanted \
            || echo "${CONTROLLER[$i]}"
    done
    for host in $(known_hosts); do
        for (( i = ${#HOST_PARTS[@]} - 1; i >= 0; i-- )); do
            echo "${HOST_PARTS[$i]}@$host"
        done
    done
}

status() {
    local name pid memory rc=0
    printf '%-24s %-8s %8s %8s\n' component state pid MiB
    for name in $(component_names); do
        if pid=$(recorded_pid "$name"); then
            memory=$(session_memory "$pid")
            printf '%-24s %-8s %8s %8s\n' "$name" up "$pid" "$memory"
        else
            printf '%-24s %-8s\n' "$name" down
            rc=1
        fi
    done
    return "$rc"
}

# session_memory PID: MiB of memory of the session that it leads.
session_memory() {
    ps -o rss= -s "$1" 2>/dev/null | awk '
        { sum += $1 } END { printf "%d", sum / 1024 }'
}

env_of() {
    local user=${1:-admin} project=admin password
    VENV=$(venv_path)
    load_secrets
    password=$ADMIN_PASSWORD
    if [[ $user == alice ]]; then
        project=demo
        password=$ALICE_PASSWORD
    fi
    cat <<TEXT
export PATH=$VENV/bin:\${PATH#$VENV/bin:}
export OS_AUTH_URL=$AUTH_URL
export OS_USERNAME=$user
export OS_PASSWORD=$password
export OS_PROJECT_NAME=$project
export OS_USER_DOMAIN_ID=default
export OS_PROJECT_DOMAIN_ID=default
export OS_IDENTITY_API_VERSION=3
export OS_REGION_NAME=$REGION
export OS_CLIENT_CONFIG_FILE=$CLOUD/clouds.yaml
TEXT
}

# component_call VERB NAME: name@host is the function VERB_name with the host.
component_call() {
    local verb=$1 name=${2%@*} host="" function
    [[ $2 != *@* ]] || host=${2#*@}
    case $name in
        vswitchd|ovsdb) name=openvswitch ;;
        host) name=host_machine ;;
    esac
    function=${verb}_${name//-/_}
    declare -F "$function" > /dev/null || return 1
    # shellcheck disable=SC2086
    "$function" $host
}

known_component() {
    [[ $'\n'$(component_names)$'\n' == *$'\n'"$1"$'\n'* ]] \
        || die "no such component: $1 (see tools/cloud.sh status)"
}

stop_component() {
    known_component "$1"
    case $1 in
        host@*) stop_host "${1#*@}" ;;
        swtpm@*) stop_swtpm "${1#*@}" ;;
        *) halt "$1" TERM 15 ;;
    esac
}

kill_component() {
    known_component "$1"
    halt "$1" KILL
}

start_component() {
    known_component "$1"
    prepare
    component_call start "$1" || die "$1 can not be started by itself"
}

reboot_host() {
    local host=$1
    host_number "$host" > /dev/null
    stop_host "$host"
    prepare
    start_host_machine "$host"
    start_agent "$host"
    start_nova_compute "$host"
}

main() {
    local command=${1:-}
    shift || usage
    case $command in
        up) up "$@" ;;
        down) down "$@" ;;
        status) status ;;
        env) env_of "$@" ;;
        host) in_host "$@" ;;
        start) locked; start_component "$1" ;;
        stop) locked; stop_component "$1" ;;
        kill) locked; kill_component "$1" ;;
        restart) locked; stop_component "$1"; start_component "$1" ;;
        reboot) locked; reboot_host "$1" ;;
        taint) VENV=$(venv_path); taint "$@" ;;
        measure) VENV=$(venv_path); measure "$@" ;;
        tempest) run_tempest "$@" ;;
        logs) echo "$LOG_DIR/$1.log" ;;
        url) horizon_url "$@" ;;
        *) usage ;;
    esac
}

main "$@"
