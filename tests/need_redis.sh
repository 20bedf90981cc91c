#!/bin/sh
# Makes sure that there is a Redis for the tests of the rate limits.
command -v redis-server >/dev/null 2>&1 && exit 0
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
    echo "Installing Redis for the tests of the rate limits ..."
    apt-get update -q >/dev/null && apt-get install -y -q redis-server >/dev/null && exit 0
fi
echo "The tests of the rate limits need Redis. Install it, on Debian or Ubuntu:" >&2
echo "    sudo apt-get install redis-server" >&2
exit 1
