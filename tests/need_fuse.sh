#!/bin/sh
# Makes sure that a file system that forgets can be mounted (R2); where there is no /dev/fuse, the
# test holds what is promised there instead.
[ -e /dev/fuse ] || exit 0
command -v fusermount3 >/dev/null 2>&1 && exit 0
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
    echo "Installing FUSE for the test of power cuts ..."
    apt-get update -q >/dev/null && apt-get install -y -q fuse3 >/dev/null && exit 0
fi
echo "The test of power cuts needs FUSE. Install it, on Debian or Ubuntu:" >&2
echo "    sudo apt-get install fuse3" >&2
exit 1
