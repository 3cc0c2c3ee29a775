#!/bin/sh
# Installs the Debian packages listed in the files given, as far as they are missing.
# Needs root only when something is missing; says what to do otherwise.
set -eu
missing=
for name in $(sed 's/#.*//' "$@"); do
    dpkg-query -W -f '${Status}' "$name" 2>/dev/null | grep -q 'ok installed' || missing="$missing $name"
done
[ -n "$missing" ] || exit 0
if ! command -v apt-get >/dev/null; then
    echo "these packages are missing and there is no apt-get to install them:$missing" >&2
    exit 1
fi
if [ "$(id -u)" != 0 ]; then
    echo "these packages are missing; run as root: apt-get install$missing" >&2
    exit 1
fi
echo "installing:$missing"
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
# shellcheck disable=SC2086
apt-get install -y -qq --no-install-recommends $missing >/dev/null
