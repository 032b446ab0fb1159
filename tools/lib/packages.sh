#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Debian packages, as bindep.txt names them: installed when missing.

# packages_of PROFILE...: the Debian packages of these profiles and of none.
packages_of() {
    local wanted=" $* " line name tags tag
    while IFS= read -r line; do
        line=${line%%#*}
        [[ -n ${line// } ]] || continue
        name=${line%%[[:space:]]*}
        [[ $line =~ \[([^]]*)\] ]] || continue
        tags=${BASH_REMATCH[1]}
        [[ " $tags " == *" platform:dpkg "* ]] || continue
        tags=${tags/platform:dpkg/}
        if [[ -z ${tags// } ]]; then
            echo "$name"
            continue
        fi
        for tag in $tags; do
            if [[ $wanted == *" $tag "* ]]; then
                echo "$name"
                break
            fi
        done
    done < "$TOP_DIR/bindep.txt"
}

packages_missing() {
    local name
    for name in "$@"; do
        dpkg-query -W -f='${Status}' "$name" 2>/dev/null \
            | grep -q '^install ok installed$' || echo "$name"
    done
}

# packages_install PROFILE...: nothing to do is the usual, quick case.
packages_install() {
    local wanted missing
    mapfile -t wanted < <(packages_of "$@")
    mapfile -t missing < <(packages_missing "${wanted[@]}")
    [[ ${missing[*]} ]] || return 0
    [[ $EUID == 0 ]] || die "these packages are needed, install them or be" \
        "root: ${missing[*]}"
    say "  installing ${#missing[@]} Debian packages"
    watched "apt-get update" "$NTL_STATE/logs/apt-update.log" \
        apt-get update -q
    watched "apt-get install" "$NTL_STATE/logs/apt-install.log" \
        _packages_apt "${missing[@]}"
}

# Packages bring services with them; none of them is to run by itself.
_packages_apt() {
    local policy=/usr/sbin/policy-rc.d made="" rc=0
    if [[ ! -e $policy ]]; then
        made=yes
        printf '#!/bin/sh\nexit 101\n' > "$policy"
        chmod 755 "$policy"
    fi
    DEBIAN_FRONTEND=noninteractive apt-get install -q -y \
        --no-install-recommends "$@" || rc=$?
    if [[ $made ]]; then
        rm -f "$policy"
    fi
    return "$rc"
}
