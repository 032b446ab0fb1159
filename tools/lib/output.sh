#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# What the tools say: one line per step, with the seconds it took.

say() {
    echo "$*" >&2
}

die() {
    echo "error: $*" >&2
    exit 1
}

# pause SECONDS: sleep without a process; much here waits at the same time.
pause() {
    [[ ${_PAUSE_FD:-} ]] || exec {_PAUSE_FD}<> <(:)
    read -r -t "$1" -u "$_PAUSE_FD" || true
}

# now_ms: milliseconds since boot, never set back by a clock change.
now_ms() {
    local up
    read -r up _ < /proc/uptime
    echo $(( 10#${up/./} * 10 ))
}

# seconds_since MS: "12.3"
seconds_since() {
    local ms
    ms=$(( $(now_ms) - $1 ))
    printf '%d.%d' $(( ms / 1000 )) $(( ms % 1000 / 100 ))
}

# show_tail FILE [LINES]: the end of a log, indented, for a person.
show_tail() {
    local file=$1 lines=${2:-15}
    say "--- last lines of $file"
    tail -n "$lines" "$file" 2>/dev/null | cut -c 1-400 | sed 's/^/    /' >&2
    say "---"
}

# watched LABEL LOG COMMAND...: run it into LOG, with a sign of life every
# ten seconds, and the end of the log if it fails.
watched() {
    local label=$1 log=$2 began pid rc=0 ticks=0
    shift 2
    began=$(now_ms)
    mkdir -p "$(dirname "$log")"
    "$@" > "$log" 2>&1 &
    pid=$!
    while kill -0 "$pid" 2>/dev/null; do
        pause 0.2
        ticks=$(( ticks + 1 ))
        if (( ticks % 50 == 0 )); then
            say "$(printf '  %-28s %7s s ...' "$label" \
                "$(seconds_since "$began")")"
        fi
    done
    wait "$pid" || rc=$?
    if (( rc != 0 )); then
        show_tail "$log"
        die "$label failed"
    fi
    say "$(printf '  %-28s %7s s' "$label" "$(seconds_since "$began")")"
}
