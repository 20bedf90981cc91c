#!/bin/sh
# Installs the clients of other people that the scenarios of the channels talk with.
cd "$(dirname "$0")" || exit 1
if ! command -v npm >/dev/null 2>&1; then
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
        echo "Installing node for the clients of the channels' tests ..."
        apt-get update -q >/dev/null && apt-get install -y -q nodejs npm >/dev/null
    fi
fi
if ! command -v npm >/dev/null 2>&1; then
    echo "The tests of the channels need Node 18 or newer with npm. On Debian or Ubuntu:" >&2
    echo "    sudo apt-get install nodejs npm" >&2
    exit 1
fi
[ node_modules/.package-lock.json -nt package-lock.json ] && exit 0
npm ci --ignore-scripts --no-audit --no-fund --loglevel=error
