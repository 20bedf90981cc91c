#!/bin/sh
# Makes sure that there is a PostgreSQL server for the tests of the store.
command -v pg_ctl >/dev/null 2>&1 && exit 0
for place in /usr/lib/postgresql/*/bin/pg_ctl; do
    [ -x "$place" ] && exit 0
done
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
    echo "Installing PostgreSQL for the tests of the store ..."
    apt-get update -q >/dev/null && apt-get install -y -q postgresql >/dev/null && exit 0
fi
echo "The tests of the store need PostgreSQL. Install it, on Debian or Ubuntu:" >&2
echo "    sudo apt-get install postgresql" >&2
exit 1
