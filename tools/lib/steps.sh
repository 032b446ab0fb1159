#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Steps that run side by side and wait for each other.
#
#   steps_begin DIR
#   step NAME "DEPENDENCY ..." FUNCTION [ARG ...]
#   steps_finish
#
# A step starts as soon as its dependencies are done; its output is in
# DIR/NAME.log.  The first failure is shown with the end of that log, and
# nothing that depends on it starts.

STEP_HEARTBEAT=${STEP_HEARTBEAT:-15}

steps_begin() {
    STEPS_DIR=$1
    STEPS_BEGAN=$(now_ms)
    STEPS_NAMES=()
    STEPS_PIDS=()
    mkdir -p "$STEPS_DIR"
    rm -f "$STEPS_DIR"/*.{done,failed,waiting}
}

step() {
    STEPS_NAMES+=("$1")
    _step_run "$@" &
    STEPS_PIDS+=("$!")
}

_step_run() {
    local name=$1 needs=$2 began rc log need
    shift 2
    log=$STEPS_DIR/$name.log
    for need in $needs; do
        echo "$need" > "$STEPS_DIR/$name.waiting"
        while [[ ! -e $STEPS_DIR/$need.done ]]; do
            if [[ -e $STEPS_DIR/$need.failed ]]; then
                echo "$need failed" > "$STEPS_DIR/$name.failed"
                exit 1
            fi
            pause 0.2
        done
    done
    rm -f "$STEPS_DIR/$name.waiting"
    began=$(now_ms)
    # Not in a condition: there errexit would be ignored inside.
    set +e
    ( set -euo pipefail; "$@" ) > "$log" 2>&1 < /dev/null
    rc=$?
    set -e
    if (( rc != 0 )); then
        touch "$STEPS_DIR/$name.failed"
        say "$(printf '  %-28s FAILED after %s s' "$name" \
            "$(seconds_since "$began")")"
        show_tail "$log"
        exit "$rc"
    fi
    say "$(printf '  %-28s %7s s   (at %s s)' "$name" \
        "$(seconds_since "$began")" "$(seconds_since "$STEPS_BEGAN")")"
    touch "$STEPS_DIR/$name.done"
}

steps_finish() {
    local beat=0 i alive
    while :; do
        alive=()
        for i in "${!STEPS_NAMES[@]}"; do
            if kill -0 "${STEPS_PIDS[$i]}" 2>/dev/null; then
                alive+=("${STEPS_NAMES[$i]}")
            fi
        done
        [[ ${alive[*]:-} ]] || break
        pause 0.2
        beat=$(( beat + 1 ))
        if (( beat % (5 * STEP_HEARTBEAT) == 0 )); then
            _steps_describe "${alive[@]}"
        fi
    done
    for i in "${!STEPS_NAMES[@]}"; do
        wait "${STEPS_PIDS[$i]}" || return 1
    done
}

_steps_describe() {
    local name text=""
    for name in "$@"; do
        if [[ -s $STEPS_DIR/$name.waiting ]]; then
            continue
        fi
        text+=" $name"
    done
    say "  ... at $(seconds_since "$STEPS_BEGAN") s, still at work:$text"
}
