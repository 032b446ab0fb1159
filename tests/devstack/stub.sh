#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Stands for every system command by its own name: notes the call, then says
# and does what the test has laid down in $ANSWERS/NAME (a script), if any.

name=${0##*/}
if [[ $name == sudo ]]; then
    # The system's folders are below $SYSTEM, and everything is ours.
    command=$1
    shift
    words=()
    while (( $# )); do
        case $1 in
            -o)
                [[ $command == install ]] || words+=("$1" "$2")
                shift
                ;;
            /etc/*|/run/*|/var/*) words+=("$SYSTEM$1") ;;
            *) words+=("$1") ;;
        esac
        shift
    done
    echo "sudo $command ${words[*]}" >> "$CALLS"
    # The system has these folders.
    if [[ $command == tee || $command == install ]]; then
        mkdir -p "$(dirname "${words[-1]}")"
    fi
    exec "$command" "${words[@]}"
fi
echo "$name $*" >> "$CALLS"
if [[ -e $ANSWERS/$name ]]; then
    source "$ANSWERS/$name"
fi
