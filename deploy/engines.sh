#!/bin/sh
# Sees to it that RabbitMQ, PostgreSQL, an independent AMQP client and nginx are here, for private nodes and tests of the
# proxy (parcelgate/app/node): where root may install, by apt and without starting anything; else unpacked below build/engines. Quick when all is there.
set -eu
cd "$(dirname "$0")/.."
own=$PWD/build/engines log=build/engines.log
packages='rabbitmq-server postgresql amqp-tools nginx'

stop() {
    echo "parcelgate: $1" >&2
    exit 2
}

# One of these patterns of a root names a program.
has() {
    for root in / "$own/"; do
        for path in "$root"$1; do
            if [ -x "$path" ]; then return 0; fi
        done
    done
    return 1
}

complete() {
    has 'usr/lib/rabbitmq/bin/rabbitmq-server' && has 'usr/bin/erl' && has 'usr/lib/postgresql/*/bin/postgres' &&
        has 'usr/bin/amqp-get' && has 'usr/sbin/nginx'
}

install() {
    # A package's service must not start: what asks for it (invoke-rc.d) is answered no while this runs.
    policy=/usr/sbin/policy-rc.d settings=/etc/postgresql-common/createcluster.conf
    mine=''
    trap 'for file in $mine; do rm -f "$file"; done' EXIT
    trap 'exit 2' HUP INT TERM
    if [ ! -e "$policy" ]; then
        mine=$policy
        printf '#!/bin/sh\nexit 101\n' >"$policy"
        chmod 755 "$policy"
    fi
    # Nor does PostgreSQL make a cluster of the machine's own. What somebody has configured stays.
    if [ ! -e "$settings" ]; then
        mkdir -p "${settings%/*}"
        printf 'create_main_cluster = false\n' >"$settings"
    fi
    apt-get update -qq || true
    # shellcheck disable=SC2086
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
        -o Dpkg::Options::=--force-confdef -o Dpkg::Options::=--force-confold $packages
}

unpack() {
    new=$own.new
    rm -rf "$new"
    mkdir -p "$new/archives"
    # What is on the machine already is not named, so only what is missing is fetched. LLVM is PostgreSQL's compiler,
    # which private nodes switch off.
    # shellcheck disable=SC2086
    apt-get -s -o Debug::NoLocking=true install --no-install-recommends $packages |
        sed -n 's/^Inst \([^ ]*\) .*/\1/p' | grep -v '^libllvm' >"$new/list"
    (cd "$new/archives" && xargs apt-get download -qq <../list)
    for archive in "$new"/archives/*.deb; do
        dpkg -x "$archive" "$new"
    done
    # Debian's script ignores every wish about where Erlang is; it shall be where the script is.
    script=$new/usr/lib/erlang/bin/erl
    if [ -f "$script" ]; then
        sed -i 's|ROOTDIR=/usr/lib/erlang|ROOTDIR=$(dirname "$(dirname "$(readlink -f "$0")")")|' "$script"
    fi
    rm -rf "$own" "$new/archives"
    mv "$new" "$own"
}

if complete; then exit 0; fi
command -v apt-get >/dev/null && command -v dpkg >/dev/null ||
    stop "RabbitMQ and PostgreSQL are needed and there is no apt-get to get them; install $packages where Debian has them."
mkdir -p build
if [ "$(id -u)" = 0 ]; then
    echo "Installing RabbitMQ, PostgreSQL, amqp-tools and nginx (once; nothing is started) ..."
    (install) >"$log" 2>&1 || true
else
    echo "Fetching RabbitMQ, PostgreSQL, amqp-tools and nginx into build/engines (once; as no root, nothing is installed) ..."
    (unpack) >"$log" 2>&1 || true
fi
complete || stop "RabbitMQ and PostgreSQL cannot be got: $(grep -E '^E:|rror' "$log" | tail -n 1) (more in $log); sudo apt-get install $packages would do."
