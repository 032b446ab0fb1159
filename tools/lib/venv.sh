#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# The pinned virtual environment of the tools, built when missing.
#
# It is kept by the hash of the pins: another constraints.txt is another
# environment.  NTL_VENV_BASE names an existing environment that already
# holds the pinned packages; a thin one over it is made then.

# The slow builds: source distributions with C code.
VENV_SLOW=(libvirt-python tpm2-pytss)

venv_path() {
    local key
    key=$(sha256sum "$TOP_DIR/constraints.txt" | cut -c 1-12)
    if [[ ${NTL_VENV_BASE:-} ]]; then
        key=thin-$(echo "$NTL_VENV_BASE $TOP_DIR" | sha256sum | cut -c 1-12)
    fi
    echo "$NTL_STATE/venv-$key"
}

# venv_ensure SET...: sets are "cloud", "horizon" and "test".  Sets VENV.
venv_ensure() {
    local set
    VENV=$(venv_path)
    if [[ ${NTL_VENV_BASE:-} ]]; then
        _venv_thin
    else
        if [[ ! -x $VENV/bin/pip ]]; then
            watched "virtual environment" "$NTL_STATE/logs/venv.log" \
                _venv_create
        fi
        for set in "$@"; do
            _venv_install_set "$set"
        done
    fi
    _venv_install_project
}

_venv_create() {
    rm -rf "$VENV"
    python3 -m venv "$VENV"
    "$VENV/bin/pip" install -q -c "$TOP_DIR/constraints.txt" \
        pip setuptools wheel pbr
}

_venv_files() {
    echo "$TOP_DIR/requirements.txt"
    case $1 in
        cloud) echo "$TOP_DIR/tools/cloud/requirements.txt" ;;
        horizon) echo "$TOP_DIR/tools/cloud/horizon-requirements.txt" ;;
        test) echo "$TOP_DIR/test-requirements.txt" ;;
        *) die "no such set of packages: $1" ;;
    esac
}

_venv_install_set() {
    local set=$1 files stamp
    mapfile -t files < <(_venv_files "$set")
    stamp=$VENV/.$set-$(cat "${files[@]}" | sha256sum | cut -c 1-12)
    [[ -e $stamp ]] && return 0
    watched "Python packages ($set)" "$NTL_STATE/logs/pip-$set.log" \
        _venv_pip "${files[@]}"
    touch "$stamp"
}

_venv_pip() {
    local file args=() slow=() fast name
    # Both cores are busy this way: the C code is built beside the rest.
    for file in "$@"; do
        for name in "${VENV_SLOW[@]}"; do
            if grep -qi "^$name" "$file"; then
                slow+=("$name")
            fi
        done
    done
    fast=$(mktemp -d)
    if (( ${#slow[@]} )); then
        "$VENV/bin/pip" wheel -q --no-deps -w "$fast" \
            -c "$TOP_DIR/constraints.txt" "${slow[@]}" &
    fi
    for file in "$@"; do
        grep -viE "^($(IFS='|'; echo "${VENV_SLOW[*]}"))" "$file" \
            > "$fast/$(basename "$(dirname "$file")")-$(basename "$file")"
    done
    for file in "$fast"/*.txt; do
        args+=(-r "$file")
    done
    "$VENV/bin/pip" install --no-compile --progress-bar off \
        -c "$TOP_DIR/constraints.txt" "${args[@]}"
    if (( ${#slow[@]} )); then
        wait "$!"
        "$VENV/bin/pip" install --no-compile -c "$TOP_DIR/constraints.txt" \
            --find-links "$fast" "${slow[@]}"
    fi
    rm -rf "$fast"
    "$VENV/bin/python" -m compileall -q -j 0 -x '/tests/' "$VENV/lib" > /dev/null || true
}

# A thin environment sees the packages of another one and has its own copy
# of the console scripts, so that the project is installed only here.
_venv_thin() {
    local site script first base=$NTL_VENV_BASE
    [[ -e $VENV/.thin ]] && return 0
    rm -rf "$VENV"
    python3 -m venv --without-pip "$VENV"
    site=$("$VENV/bin/python" -c \
        'import sysconfig; print(sysconfig.get_path("purelib"))')
    "$base/bin/python" -c \
        'import sysconfig; print(sysconfig.get_path("purelib"))' \
        > "$site/base.pth"
    for script in "$base"/bin/*; do
        [[ -f $script && ! -e $VENV/bin/${script##*/} ]] || continue
        IFS= read -r first < "$script" 2>/dev/null || continue
        [[ $first == "#!"*python* ]] || continue
        sed "1s|.*|#!$VENV/bin/python|" "$script" \
            > "$VENV/bin/${script##*/}"
        chmod 755 "$VENV/bin/${script##*/}"
    done
    [[ ! -d $base/etc ]] || ln -s "$base/etc" "$VENV/etc"
    touch "$VENV/.thin"
}

# The project itself, editable: again only when its metadata changed.
_venv_install_project() {
    local stamp
    stamp=$VENV/.project-$(echo "$TOP_DIR" \
        | cat - "$TOP_DIR/setup.cfg" "$TOP_DIR/pyproject.toml" \
        | sha256sum | cut -c 1-12)
    [[ -e $stamp ]] && return 0
    watched "nova-trusted-launch" "$NTL_STATE/logs/pip-project.log" \
        "$VENV/bin/python" -m pip install -q --no-deps \
        --no-build-isolation -e "$TOP_DIR"
    rm -f "$VENV"/.project-*
    touch "$stamp"
}
