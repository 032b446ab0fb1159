#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# The whole story of a trusted launch, on a real cloud on this machine.
# Installs what it needs, and can be run any number of times.

set -euo pipefail

TOP_DIR=$(readlink -f "$(dirname "$(readlink -f "$0")")/..")
source "$TOP_DIR/tools/lib/output.sh"
NTL_STATE=${NTL_STATE:-$HOME/.nova-trusted-launch}
export NTL_STATE
DEMO=$NTL_STATE/demo

usage() {
    cat >&2 <<'TEXT'
usage: tools/demo.sh [--keep]

  --keep   leave the cloud up, to look around in it

Exit code 0: everything that has to be true was true.
TEXT
    exit 2
}

# The disk of the tenant, with a text in it that can be searched for.
make_disk() {
    mkdir -p "$DEMO"
    chmod 700 "$DEMO"
    [[ ! -e $DEMO/disk.qcow2 || ! -e $DEMO/marker ]] || return 0
    echo "tenant's plaintext $(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')" \
        > "$DEMO/marker"
    "$TOP_DIR/tools/cloud/guest_image.sh" --marker "$(< "$DEMO/marker")" \
        --output "$DEMO/disk.new"
    mv "$DEMO/disk.new" "$DEMO/disk.qcow2"
}

main() {
    local keep="" began rc=0
    case ${1:-} in
        "") ;;
        --keep) keep=yes ;;
        *) usage ;;
    esac
    began=$(now_ms)
    say "== A cloud: tools/cloud.sh up"
    "$TOP_DIR/tools/cloud.sh" up
    say "the tenant's disk, with a text in the clear to search for later"
    make_disk
    eval "$("$TOP_DIR/tools/cloud.sh" env)"
    cd "$TOP_DIR"
    PYTHONDONTWRITEBYTECODE=1 python -m tools.demo "$DEMO" || rc=$?
    if [[ $keep ]]; then
        say "the cloud is left up: eval \"\$(tools/cloud.sh env alice)\"," \
            "and tools/cloud.sh down when done"
    else
        say "== The end: tools/cloud.sh down"
        "$TOP_DIR/tools/cloud.sh" down
    fi
    say "the demonstration took $(seconds_since "$began") s"
    return "$rc"
}

main "$@"
