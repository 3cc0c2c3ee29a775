#!/bin/sh
# collect.sh BUILD_DIR DIR: makes DIR the whole file system of a container: the server, the libraries
# that it is linked with, its settings, a user of its own, and nothing else, no shell either.
set -eu
build=$(readlink -f "${1:?usage: collect.sh BUILD_DIR DIR}")
root=${2:?usage: collect.sh BUILD_DIR DIR}
mkdir -p "$root"
root=$(readlink -f "$root")
cd "$(dirname "$0")/../.."
user=10000 # a number that no system gives out by itself

install -d "$root/usr/bin" "$root/etc/millrace" "$root/usr/share/doc/millrace" "$root/var/lib/millrace"
install -m 755 "$build/millrace-server" "$root/usr/bin"
strip --strip-unneeded "$root/usr/bin/millrace-server"
# At the paths that the linker found them; the loader itself has none before it.
ldd "$build/millrace-server" | sed -n 's|.*=> \(/[^ ]*\) .*|\1|p; s|^[[:space:]]*\(/[^ ]*\) .*|\1|p' |
    while read -r library; do
        install -D -m 755 "$library" "$root$library"
    done
printf 'root:x:0:0::/:\nmillrace:x:%s:%s::/var/lib/millrace:\n' $user $user >"$root/etc/passwd"
printf 'root:x:0:\nmillrace:x:%s:\n' $user >"$root/etc/group"
echo 'hosts: files dns' >"$root/etc/nsswitch.conf"
sed -e '1s|.*|# The settings of the container; --override changes one.|' \
    -e 's|^log.dirs=.*|log.dirs=/var/lib/millrace|' deploy/config/server.properties \
    >"$root/etc/millrace/server.properties"
install -m 644 LICENSE NOTICE "$root/usr/share/doc/millrace"
[ "$(id -u)" != 0 ] || chown $user:$user "$root/var/lib/millrace"
chmod 750 "$root/var/lib/millrace"
