#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Daemons without an init system: started detached, recorded by process id
# and start time, stopped by exactly that process id.
#
# The caller sets RUN_DIR (process records) and LOG_DIR (their output).

# start_time PID: kernel start time of a process, empty when it is gone or
# only waits to be reaped.
start_time() {
    local stat
    { stat=$(< "/proc/$1/stat"); } 2>/dev/null || return 0
    # The name may hold spaces and parentheses: count from the last one.
    # shellcheck disable=SC2086
    set -- ${stat##*) }
    [[ $1 == Z ]] || echo "${20}"
}

# recorded_pid NAME: its process id if that very process still runs.
recorded_pid() {
    local pid="" began=""
    [[ -r $RUN_DIR/$1.pid ]] || return 1
    read -r pid began < "$RUN_DIR/$1.pid" || true
    [[ -n $pid && $(start_time "$pid") == "$began" ]] || return 1
    echo "$pid"
}

running() {
    recorded_pid "$1" > /dev/null
}

# launch NAME COMMAND...: start it detached unless it runs already.
launch() {
    local name=$1 pid
    shift
    if running "$name"; then
        return 0
    fi
    mkdir -p "$RUN_DIR" "$LOG_DIR"
    touch "$LOG_DIR/$name.log"
    stat -c %s "$LOG_DIR/$name.log" > "$RUN_DIR/$name.offset"
    setsid "$@" >> "$LOG_DIR/$name.log" 2>&1 < /dev/null 9>&- &
    pid=$!
    echo "$pid $(start_time "$pid")" > "$RUN_DIR/$name.pid"
}

# halt NAME [SIGNAL] [SECONDS]: stop the process and its group; by force
# when it is still there after some seconds.
halt() {
    local name=$1 signal=${2:-TERM} limit=${3:-10} pid i
    if pid=$(recorded_pid "$name"); then
        kill "-$signal" "$pid" 2>/dev/null || true
        for (( i = 0; i < limit * 20; i++ )); do
            running "$name" || break
            pause 0.05
        done
        # It leads its own group: what it left behind goes with it.
        kill -KILL -- "-$pid" 2>/dev/null || true
        while running "$name"; do
            pause 0.02
        done
    fi
    rm -f "$RUN_DIR/$name.pid" "$RUN_DIR/$name.offset"
}

# A process that ended is seen at once; this only bounds one that hangs, on a
# machine however busy.
PATIENCE=300

# await NAME CHECK...: until CHECK succeeds, while the process NAME runs.
await() {
    local name=$1 began
    shift
    began=$(now_ms)
    echo "waiting for $name"
    until "$@"; do
        if ! running "$name"; then
            echo "$name ended; the end of its log:"
            tail -n 15 "$LOG_DIR/$name.log"
            return 1
        fi
        if (( $(now_ms) - began > PATIENCE * 1000 )); then
            echo "$name is not ready after $PATIENCE s; the end of its log:"
            tail -n 15 "$LOG_DIR/$name.log"
            return 1
        fi
        pause 0.2
    done
}

# has_said NAME TEXT: since it was launched, in its log.
has_said() {
    tail -c "+$(( $(< "$RUN_DIR/$1.offset") + 1 ))" "$LOG_DIR/$1.log" \
        | grep -qF -- "$2"
}

# port_open ADDRESS PORT
port_open() {
    # The connection closes with the subshell.
    ( exec 3<> "/dev/tcp/$1/$2" ) 2>/dev/null
}

# http_answers ADDRESS PORT PATH: the server answers with a status below 500.
http_answers() {
    local status=""
    status=$(
        exec 3<> "/dev/tcp/$1/$2" || exit 1
        printf 'GET %s HTTP/1.0\r\nHost: %s:%s\r\n\r\n' "$3" "$1" "$2" >&3
        read -r -t 30 _ code _ <&3 && echo "$code"
    ) 2>/dev/null
    [[ $status =~ ^[234] ]]
}
