#!/bin/sh
# Makes the environment that the Makefile works in: setup.sh <python> <folder>. Needs Debian, Python 3.11 and make.
set -eu
python=$1 venv=$2
command -v "$python" >/dev/null 2>&1 || python=python3
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || {
    echo "parcelgate needs Python 3.11 or newer; $("$python" --version) was found." >&2
    exit 2
}
echo "Setting up in $venv (once; about a minute) ..."
if ! "$python" -m venv "$venv" >/dev/null 2>&1; then
    # Debian leaves ensurepip to a package of its own.
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
        apt-get update -qq && apt-get install -y -qq --no-install-recommends python3-venv >/dev/null
        "$python" -m venv "$venv"
    else
        echo "Python lacks venv. Run: apt-get install python3-venv" >&2
        exit 2
    fi
fi
mkdir -p build
if ! "$venv/bin/pip" install --quiet --disable-pip-version-check --only-binary :all: -e '.[test]' >build/setup.log 2>&1; then
    cat build/setup.log >&2
    exit 2
fi
