#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# All benchmarks that need no cloud, with Keylime beside them.

set -euo pipefail

TOP_DIR=$(readlink -f "$(dirname "$(readlink -f "$0")")/..")
NTL_STATE=${NTL_STATE:-$HOME/.nova-trusted-launch}
export NTL_STATE
source "$TOP_DIR/tools/lib/output.sh"
source "$TOP_DIR/tools/lib/packages.sh"
source "$TOP_DIR/tools/lib/venv.sh"

BENCHMARKS=(quote appraisal service_time throughput filter)
KEYLIME=$NTL_STATE/keylime

usage() {
    cat >&2 <<TEXT
usage: benchmarks/run.sh [--keylime DIR] [BENCHMARK...]

  --keylime DIR   virtual environment of Keylime, made when it is not there
                  (default: $KEYLIME)

Benchmarks: ${BENCHMARKS[*]}; all of them unless some are named.
Exit code 0: every target was reached.
TEXT
    exit 2
}

# The gpg bindings that Keylime imports come with no wheel.
keylime_ensure() {
    local wanted=$TOP_DIR/benchmarks/keylime/requirements.txt
    if ! "$KEYLIME/bin/python" -c "import keylime" 2>/dev/null; then
        python3 -m venv "$KEYLIME"
        watched "Keylime's environment" "$NTL_STATE/logs/keylime.log" \
            "$KEYLIME/bin/pip" install -q -r "$wanted"
    fi
    "$KEYLIME/bin/pip" freeze 2>/dev/null | grep '^keylime=='
}

# machine: what the numbers were measured on.
machine() {
    echo "machine: $(sed -n 's/^model name.*: //p' /proc/cpuinfo | uniq)," \
        "$(nproc) cores, $(free -g | awk '/^Mem/ {print $2}') GiB," \
        "load $(cut -d ' ' -f 1-3 /proc/loadavg)"
    echo "system: $(uname -sr), $(python --version), $(openssl version)"
    echo "cryptography: $(python -c '
import cryptography
from cryptography.hazmat.backends.openssl import backend
print(cryptography.__version__, "with", backend.openssl_version_text())')"
    echo "revision: $(git describe --always --dirty)," \
        "$(date -u '+%Y-%m-%d %H:%M UTC'), $(keylime_ensure)"
}

main() {
    local name rc=0
    while [[ ${1:-} == --* ]]; do
        [[ $1 == --keylime && ${2:-} ]] || usage
        KEYLIME=$(readlink -f "$2")
        shift 2
    done
    for name in "$@"; do
        [[ -e $TOP_DIR/benchmarks/$name.py ]] || usage
    done
    [[ $# -gt 0 ]] || set -- "${BENCHMARKS[@]}"
    say "preparing: Debian packages and the pinned Python environment"
    packages_install test
    venv_ensure test
    keylime_ensure > /dev/null
    export NTL_KEYLIME_PYTHON=$KEYLIME/bin/python
    export PATH=$VENV/bin:$PATH PYTHONDONTWRITEBYTECODE=1
    cd "$TOP_DIR"
    machine
    for name in "$@"; do
        echo
        echo "== $name"
        python -W ignore -m "benchmarks.$name" 2> "$NTL_STATE/logs/$name.err" \
            || { rc=1; tail -n 3 "$NTL_STATE/logs/$name.err"; }
    done
    echo
    if (( rc )); then
        echo "not every target was reached"
    else
        echo "every target was reached"
    fi
    return "$rc"
}

main "$@"
