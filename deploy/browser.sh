#!/bin/sh
# Sees to it that the page can be tested in Chromium: installs Debian's where root may, else says what is left out.
set -eu
if [ -n "${CHROMIUM:-}" ] || command -v chromium >/dev/null 2>&1; then
    exit 0
fi
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    echo "Installing Chromium for the tests of the page ..."
    apt-get update -qq >/dev/null && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium >/dev/null
else
    echo "Chromium is not here: the tests of the page are left out (apt-get install chromium)." >&2
fi
