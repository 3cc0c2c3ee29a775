#!/bin/sh
# make-deb.sh BUILD_DIR OUT_DIR: a Debian package of the programs of BUILD_DIR, OUT_DIR/millrace_*.deb.
#
# Happy path: `make install` into a folder, then what a package has besides: unit and script, settings
# whose data is in /var/lib/millrace, manual pages, change log, sums. The same programs give the same
# package, byte for byte. Failure modes: no dpkg-dev (says so).
# DEBFULLNAME and DEBEMAIL name the maintainer.
set -eu
build=$(readlink -f "${1:?usage: make-deb.sh BUILD_DIR OUT_DIR}")
mkdir -p "${2:?usage: make-deb.sh BUILD_DIR OUT_DIR}"
out=$(readlink -f "$2")
cd "$(dirname "$0")/.."
umask 022
for program in dpkg-deb dpkg-shlibdeps strip; do
    command -v $program >/dev/null || { echo "make deb: $program is missing: apt-get install dpkg-dev" >&2; exit 1; }
done
version=$(sed -n 's/^#define MILLRACE_VERSION "\(.*\)"/\1/p' common/base/version.h)
architecture=$(dpkg --print-architecture)
maintainer="${DEBFULLNAME:-Millrace maintainers} <${DEBEMAIL:-maintainers@millrace.invalid}>"
# dpkg-deb lets no file be younger than this.
epoch=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct 2>/dev/null || date +%s)}
export SOURCE_DATE_EPOCH="$epoch"
work=$(mktemp -d "$out/deb.XXXXXX")
trap 'rm -rf "$work"' EXIT
root=$work/root
doc=$root/usr/share/doc/millrace
man=$root/usr/share/man/man1

fill() { # with the places of the package
    sed -e "s|@BIN@|/usr/bin|; s|@CONFIG@|/etc/millrace/server.properties|; s|@USER@|millrace|" \
        -e "s|@DATA@|/var/lib/millrace|; s|@DOC@|/usr/share/doc/millrace|" "$1"
}

deploy/install.sh "$build" "$root" /usr /etc >/dev/null
# Packages have a folder of zsh's of their own.
mv "$root/usr/share/zsh/site-functions" "$root/usr/share/zsh/vendor-completions"
strip --strip-unneeded --remove-section=.comment --remove-section=.note "$root"/usr/bin/millrace*

# The service. What `millrace service install` would fill in is filled in.
rm -r "$root/usr/share/millrace"
install -d "$root/lib/systemd/system" "$root/etc/init.d" "$root/var/lib/millrace" "$root/var/log/millrace"
fill deploy/service/millrace.service >"$root/lib/systemd/system/millrace.service"
fill deploy/service/millrace.init >"$root/etc/init.d/millrace"
chmod 755 "$root/etc/init.d/millrace"

# One node's settings are the service's; the others are examples.
install -d "$doc/examples"
mv "$root"/etc/millrace/server?.properties "$root/etc/millrace/zookeeper.properties" "$doc/examples"
sed -e '1s|.*|# The settings of the service millrace: a single broker on port 9092.|' \
    -e 's|^log.dirs=.*|log.dirs=/var/lib/millrace|' deploy/config/server.properties \
    >"$root/etc/millrace/server.properties"

# Documents.
rm "$doc/LICENSE" "$doc/CHANGELOG.md"
install -m 644 deploy/debian/copyright "$doc/copyright"
gzip -9nc CHANGELOG.md >"$doc/NEWS.gz"
printf 'millrace (%s) unstable; urgency=medium\n\n  * What changed is in NEWS.gz.\n\n -- %s  %s\n' \
    "$version" "$maintainer" "$(date -uRd "@$epoch")" | gzip -9nc >"$doc/changelog.gz"
# A page for each program, of the tables of its options; its other name leads to the same.
gzip -9n "$man"/*.1
for link in $("$build/millrace" help links); do
    page=$man/$link.1.gz
    [ -e "$page" ] || ln -s "$(basename "${link%.sh}").1.gz" "$page"
    [ -e "$page" ] || { echo "make deb: $link has no manual page" >&2; exit 1; }
done

# What the package says of itself.
install -d "$root/DEBIAN" "$work/debian"
printf 'Source: millrace\n\nPackage: millrace\nArchitecture: any\n' >"$work/debian/control"
depends=$(cd "$work" && dpkg-shlibdeps -O root/usr/bin/millrace root/usr/bin/millrace-server 2>"$work/errors") ||
    { cat "$work/errors" >&2; exit 1; }
depends=${depends#shlibs:Depends=}
size=$(du -sk --apparent-size "$root" | cut -f 1)
sed -e "s#@VERSION@#$version#; s#@ARCHITECTURE@#$architecture#; s#@MAINTAINER@#$maintainer#" \
    -e "s#@SIZE@#$size#; s#@DEPENDS@#$depends#" deploy/debian/control >"$root/DEBIAN/control"
install -m 644 deploy/debian/conffiles "$root/DEBIAN"
install -m 755 deploy/debian/postinst deploy/debian/prerm deploy/debian/postrm "$root/DEBIAN"
(cd "$root" && find . -type f ! -path './DEBIAN/*' ! -path './etc/*' -printf '%P\n' | LC_ALL=C sort |
    xargs md5sum >DEBIAN/md5sums)
package=$out/millrace_${version}_$architecture.deb
dpkg-deb --root-owner-group -Zxz --build "$root" "$package" >/dev/null
echo "$package"
