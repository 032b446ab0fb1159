#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# What the plugin calls of DevStack, so far as it matters here: files are
# written, everything else is noted in $CALLS.  Sourced by run.sh.

note() {
    printf '%s\n' "$*" >> "$CALLS"
}

die() {
    local line=$1
    shift
    note "die $*"
    printf '[ERROR] %s:%s %s\n' "${BASH_SOURCE[1]##*/}" "$line" "$*" >&2
    exit 1
}

define_plugin() { :; }
time_start() { :; }
time_stop() { :; }

trueorfalse() {
    case ${!2:-$1} in
        1|[Tt]rue|[Yy]es) echo True ;;
        *) echo False ;;
    esac
}

is_service_enabled() {
    local name
    for name in "$@"; do
        [[ ,$ENABLED_SERVICES, != *,"$name",* ]] || return 0
        [[ $name != nova || ,$ENABLED_SERVICES, != *,n-* ]] || return 0
    done
    return 1
}

enable_service() {
    if [[ ,${DISABLED_SERVICES:-}, != *,"$1",* ]] \
            && ! is_service_enabled "$1"; then
        ENABLED_SERVICES+=,$1
    fi
}

# edit FILE SECTION OPTION [VALUE...]: these values and no others.
edit() {
    local file=$1 section=$2 option=$3 line found="" inside=""
    shift 3
    touch "$file"
    {
        while IFS= read -r line; do
            if [[ $line == "["* ]]; then
                inside=""
                [[ $line != "[$section]" ]] || inside=yes found=yes
            elif [[ $inside && $line == "$option = "* ]]; then
                continue
            fi
            printf '%s\n' "$line"
            if [[ $line == "[$section]" && $# -gt 0 ]]; then
                printf "$option = %s\n" "$@"
            fi
        done < "$file"
        if [[ ! $found ]]; then
            printf '[%s]\n' "$section"
            printf "$option = %s\n" "$@"
        fi
    } > "$file.new"
    mv "$file.new" "$file"
}

iniset() { edit "$@"; }
inidelete() { edit "$1" "$2" "$3"; }
iniset_multiline() { edit "$@"; }

iniget_multiline() {
    local line inside="" values=()
    while IFS= read -r line; do
        [[ $line != "["* ]] || inside=""
        [[ $line != "[$2]" ]] || inside=yes
        [[ ! $inside || $line != "$3 = "* ]] || values+=("${line#*= }")
    done < "$1"
    echo "${values[*]}"
}

iniget() { iniget_multiline "$@"; }

iniset_rpc_backend() {
    local url
    url=$(get_notification_url)
    [[ -z $url ]] || iniset "$2" DEFAULT transport_url "$url"
}

get_notification_url() {
    [[ -z ${RABBIT_HOST:-} ]] || echo "rabbit://$RABBIT_HOST:5672/"
}

configure_keystoneauth() {
    iniset "$1" "$3" username "$2"
    iniset "$1" "$3" auth_type password
    iniset "$1" "$3" interface public
}

configure_keystone_authtoken_middleware() {
    iniset "$1" keystone_authtoken username "$2"
}

database_connection_url() {
    echo "mysql+pymysql://root:secret@127.0.0.1/$1?charset=utf8&plugin=dbcounter"
}

# Of each kind of database server there are these.
for _name in mysql postgresql; do
    eval "get_database_type_$_name() { echo $_name; }"
    eval "database_connection_url_$_name() { echo \"\$BASE_SQL_CONN/\$1\"; }"
    for _verb in install_database_python install_database configure_database \
            recreate_database cleanup_database; do
        eval "${_verb}_$_name() { note \"${_verb}_$_name\${*:+ \$*}\"; }"
    done
done
unset _name _verb

write_uwsgi_config() {
    note "write_uwsgi_config $*"
    rm -f "$1"
    iniset "$1" uwsgi module "$2"
}

apache_site_config_for() { echo "/etc/apache2/sites-available/$1.conf"; }
get_python_exec_prefix() { echo "$DEVSTACK_VENV/bin"; }
stop_process() { ! is_service_enabled "$1" || note "stop_process $1"; }
run_process() { ! is_service_enabled "$1" || note "run_process $*"; }

for _name in setup_develop create_service_user get_or_create_service \
        get_or_create_endpoint recreate_database remove_uwsgi_config \
        wait_for_service restart_service; do
    eval "$_name() { note \"$_name \$*\"; }"
done
unset _name

# The clock of this world: waiting costs nothing.
sleep() { SECONDS=$(( SECONDS + ${1%%.*} )); }
