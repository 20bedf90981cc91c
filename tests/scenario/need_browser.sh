#!/bin/sh
# Makes sure that there is a Chromium for the tests of the widget, and a font with Chinese letters.
for name in chromium chromium-browser google-chrome; do
    command -v "$name" >/dev/null 2>&1 && exit 0
done
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
    echo "Installing chromium for the tests of the widget ..."
    apt-get update -q >/dev/null && apt-get install -y -q chromium fonts-noto-cjk >/dev/null && exit 0
fi
echo "The tests of the widget need Chromium. Install it, on Debian or Ubuntu:" >&2
echo "    sudo apt-get install chromium fonts-noto-cjk" >&2
exit 1
