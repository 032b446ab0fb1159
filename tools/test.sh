#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Everything CI runs, from nothing: packages, environment, style, types, unit
# to functional tests, documentation, and the tests on a real cloud.

set -euo pipefail

TOP_DIR=$(readlink -f "$(dirname "$(readlink -f "$0")")/..")
NTL_STATE=${NTL_STATE:-$HOME/.nova-trusted-launch}
export NTL_STATE
source "$TOP_DIR/tools/lib/output.sh"
source "$TOP_DIR/tools/lib/packages.sh"
source "$TOP_DIR/tools/lib/venv.sh"

STAGES=(style types tests docs cloud)
ONLY_BY_NAME=(cloud-all browser)

usage() {
    cat >&2 <<'TEXT'
usage: tools/test.sh [STAGE...]

  style    ruff, hacking, bashate, doc8
  types    mypy --strict on the pure parts
  tests    unit, contract, functional, attacks, software TPM, databases; and
           that every branch of the pure parts has a test
  docs     the documentation, without a warning
  cloud    the main ways end to end, on the cloud of tools/cloud.sh

All of these, in this order, unless some are named.

  cloud-all  every end-to-end test: each path, attack and crash
  browser    Horizon in a real browser, on the same cloud
TEXT
    exit 2
}

stage_style() {
    local shells
    ruff check .
    flake8 nova_trusted_launch attestation_service tests tools benchmarks
    mapfile -t shells < <(git ls-files '*.sh' 'devstack/plugin.sh' \
        'devstack/settings' 'devstack/lib/*')
    bashate -i E006 "${shells[@]}"
    doc8 -q README.rst devstack/README.rst doc/source releasenotes/notes
}

stage_types() {
    mypy --strict nova_trusted_launch/wire nova_trusted_launch/admission.py \
        attestation_service/core attestation_service/flows \
        attestation_service/ports attestation_service/records
}

# The pure parts first, and alone: every branch of theirs has a test.
stage_tests() {
    local pure
    mapfile -t pure < <(grep ^tests/ tests/core.args)
    pytest_in_two @tests/core.args
    pytest_in_two tests/unit tests/contract tests/functional tests/attacks \
        tests/swtpm tests/devstack "${pure[@]/#/--ignore=}"
}

pytest_in_two() {
    PYTHONHASHSEED=0 python -m pytest -q -n 2 --dist loadscope -W ignore \
        -p no:cacheprovider "$@"
}

stage_docs() {
    sphinx-build -q -W --keep-going -b html doc/source doc/build/html
    sphinx-build -q -W --keep-going -b html api-ref/source api-ref/build/html
}

# Each stage on a cloud says what comes up and what runs there.
stage_cloud() {
    on_the_cloud smoke
}

stage_cloud-all() {
    on_the_cloud everything
}

# Horizon and the browser are installed for this stage only.
stage_browser() {
    packages_install test cloud horizon
    WITH=(--with horizon)
    on_the_cloud pytest_on_cloud tests/browser
}

smoke() {
    pytest_on_cloud tests/cloud -k smoke \
        && "$TOP_DIR/tools/cloud.sh" tempest --smoke
}

everything() {
    pytest_on_cloud tests/cloud && "$TOP_DIR/tools/cloud.sh" tempest
}

pytest_on_cloud() {
    python -m pytest -q -W ignore -p no:cacheprovider "$@"
}

WITH=()
# on_the_cloud COMMAND...: on a cloud of its own, which is taken down whatever
# becomes of it and of the command.
on_the_cloud() {
    local rc=0
    "$TOP_DIR/tools/cloud.sh" up "${WITH[@]}" && "$@" || rc=$?
    "$TOP_DIR/tools/cloud.sh" down
    return "$rc"
}

main() {
    local stage began
    for stage in "$@"; do
        [[ " ${STAGES[*]} ${ONLY_BY_NAME[*]} " == *" $stage "* ]] || usage
    done
    [[ $# -gt 0 ]] || set -- "${STAGES[@]}"
    began=$(now_ms)
    say "preparing: Debian packages and the pinned Python environment"
    packages_install test cloud
    venv_ensure test cloud
    export PATH=$VENV/bin:$PATH
    export PYTHONDONTWRITEBYTECODE=1
    cd "$TOP_DIR"
    for stage in "$@"; do
        say "== $stage ($(seconds_since "$began") s so far)"
        # Not in a condition: there bash would go on after what fails in it.
        trap "say \"error: the stage '$stage' failed\"" EXIT
        "stage_$stage"
        trap - EXIT
    done
    say "all stages passed in $(seconds_since "$began") s"
}

main "$@"
