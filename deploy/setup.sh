#!/bin/sh
# Makes the environment that the Makefile works in: setup.sh <python or nothing> <folder>. Needs Debian, Python 3.11 and make.
# What went wrong is one sentence; the whole story is in build/setup.log. The stamp at the end names the checkout.
set -eu
cd "$(dirname "$0")/.."
wanted=$1 venv=$2 log=build/setup.log

stop() {
    echo "parcelgate: $1" >&2
    exit 2
}

choose_python() {
    if [ -n "$wanted" ]; then set -- "$wanted"; else set -- python3.11 python3 python3.12 python3.13; fi
    for python do
        # A name on the PATH may be a hollow shim, so it is asked.
        if "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; then return; fi
    done
    stop "Python 3.11 or newer is needed, and none was found as $*; install one, or name it: make PYTHON=/path/to/python."
}

make_venv() {
    "$python" -m venv --clear "$venv" >"$log" 2>&1 && return
    # Debian keeps ensurepip in a package of its own.
    if "$python" -c 'import ensurepip' >/dev/null 2>&1; then
        stop "the environment $venv cannot be made: $(tail -n 1 "$log")"
    fi
    package=$("$python" -c 'import sys; print("python%d.%d-venv" % sys.version_info[:2])')
    if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
        stop "Python lacks venv; run 'sudo apt-get install $package', then the same make again."
    fi
    echo "Installing $package ..."
    apt-get update -qq >>"$log" 2>&1 || true
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$package" >>"$log" 2>&1 ||
        stop "Python lacks venv, and $package cannot be installed: $(tail -n 1 "$log") (more in $log)"
    "$python" -m venv --clear "$venv" >>"$log" 2>&1 ||
        stop "the environment $venv cannot be made: $(tail -n 1 "$log")"
}

install() {
    # User and target folders that somebody has set up for pip elsewhere do not belong here.
    PIP_USER=0 PIP_TARGET='' PIP_PREFIX='' "$venv/bin/python" -m pip install --quiet --disable-pip-version-check \
        --only-binary :all: -e '.[test]' >"$log" 2>&1 && return
    if grep -q -E 'NewConnectionError|ConnectTimeout|NameResolutionError|ProxyError|Network is unreachable' "$log"; then
        stop "the package index cannot be reached, and setting up needs it once (more in $log)."
    fi
    stop "the libraries cannot be installed: $(grep -i 'error:' "$log" | head -n 1) (more in $log)"
}

mkdir -p build
choose_python
# Only a finished environment of this very checkout is kept: the rest of a broken run, or one that was moved, is made anew.
if [ "$(cat "$venv/.installed" 2>/dev/null)" != "$(pwd -P)" ] || ! "$venv/bin/python" -m pip --version >/dev/null 2>&1; then
    echo "Setting up in $venv with $("$python" --version) (once; about a minute) ..."
    rm -f "$venv/.installed"
    make_venv
else
    echo "Bringing $venv up to date ..."
    rm -f "$venv/.installed"
fi
install
pwd -P >"$venv/.installed"
