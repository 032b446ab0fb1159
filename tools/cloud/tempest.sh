#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Tempest and the project's plugin against the cloud.

TEMPEST_DIR=$CLOUD/tempest
# Of the names Tempest knows, those of this project.
TEMPEST_REGEX=trusted_launch

tempest_usage() {
    cat >&2 <<'TEXT'
usage: tools/cloud.sh tempest [--smoke] [ARGUMENT...]

  --smoke     the few tests that tell at once whether the cloud works
  ARGUMENT    of "tempest run", such as --regex, --concurrency, --list-tests;
              by default every test of the project, two at a time
TEXT
    exit 2
}

# run_tempest [--smoke] ARGUMENT...
run_tempest() {
    local arguments=("$@")
    case ${1:-} in
        -h|--help) tempest_usage ;;
        --smoke)
            shift
            arguments=(--regex "$TEMPEST_REGEX.*\\[.*\\bsmoke\\b" "$@")
            ;;
    esac
    if [[ " ${arguments[*]} " != *" --regex "* ]]; then
        arguments+=(--regex "$TEMPEST_REGEX")
    fi
    if [[ " ${arguments[*]} " != *" --concurrency "* ]]; then
        arguments+=(--concurrency 2)
    fi
    VENV=$(venv_path)
    recorded_pid nova-api > /dev/null \
        || die "the cloud is not up: tools/cloud.sh up"
    load_secrets
    export OS_CLIENT_CONFIG_FILE=$CLOUD/clouds.yaml NTL_STATE
    configure_tempest
    (cd "$TEMPEST_DIR" \
        && "$VENV/bin/tempest" run --config-file etc/tempest.conf \
            "${arguments[@]}") | tee "$LOG_DIR/tempest.out"
    if grep -q "^ - Skipped: *[1-9]" "$LOG_DIR/tempest.out"; then
        die "tests were skipped, on a cloud that has all they need"
    fi
}

# configure_tempest: a workspace, with what the cloud has in its tempest.conf.
configure_tempest() {
    local found
    mkdir -p "$TEMPEST_DIR/etc" "$TEMPEST_DIR/locks"
    say "profile, flavor and attested hosts for Tempest"
    found=$(cd "$TOP_DIR" \
        && "$VENV/bin/python" -m tools.cloud.tempest_resources) \
        || die "the cloud has no trusted host"
    # shellcheck disable=SC2046
    export $(echo "$found" | xargs)
    export TEMPEST_DIR TOP_DIR LOG_DIR
    render tempest.conf.in "$TEMPEST_DIR/etc/tempest.conf"
    found=$("$VENV/bin/python" -c 'import tempest
print(tempest.__path__[0])')
    cat > "$TEMPEST_DIR/.stestr.conf" <<TEXT
[DEFAULT]
test_path=$found/test_discover
top_dir=${found%/tempest}
group_regex=([^\\.]*\\.)*
TEXT
    [[ -d $TEMPEST_DIR/.stestr ]] \
        || (cd "$TEMPEST_DIR" && "$VENV/bin/stestr" init)
}
