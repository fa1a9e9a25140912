#!/bin/sh
# Sees to it that the page can be tested in Chromium: installs Debian's where root may, else says what is left out.
# In the pipeline (CI=true) nothing is left out: without Chromium the run fails.
set -eu
if [ -n "${CHROMIUM:-}" ] || command -v chromium >/dev/null 2>&1; then
    exit 0
fi
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    echo "Installing Chromium for the tests of the page ..."
    mkdir -p build
    apt-get update -qq >build/browser.log 2>&1 || true
    if DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium >>build/browser.log 2>&1; then
        exit 0
    fi
fi
if [ "${CI:-}" = true ]; then
    echo "parcelgate: Chromium is not here and cannot be installed, so the page cannot be tested." >&2
    exit 2
fi
echo "Chromium is not here: the tests of the page are left out (sudo apt-get install chromium)." >&2
