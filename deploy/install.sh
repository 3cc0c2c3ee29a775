#!/bin/sh
# install.sh BUILD_DIR DESTDIR PREFIX SYSCONFDIR: puts the programs, the links with Kafka's names, the
# settings and the licence where a system keeps them. Settings that are there already are kept; the
# shipped ones lie beside them as NAME.new when they differ.
set -eu
build=${1:?usage: install.sh BUILD_DIR DESTDIR PREFIX SYSCONFDIR}
bin=$2${3:?usage: install.sh BUILD_DIR DESTDIR PREFIX SYSCONFDIR}/bin
doc=$2$3/share/doc/millrace
share=$2$3/share/millrace
etc=$2${4:?usage: install.sh BUILD_DIR DESTDIR PREFIX SYSCONFDIR}/millrace
cd "$(dirname "$0")/.."

install -d "$bin" "$doc" "$share" "$etc"
install -m 755 "$build/millrace" "$build/millrace-server" "$bin"
for tool in $("$build/millrace" help links); do
    ln -sfn millrace "$bin/$tool"
done
install -m 644 deploy/service/* "$share" # for millrace service install
install -m 644 README.md LICENSE NOTICE CHANGELOG.md "$doc"
for file in deploy/config/*; do
    name=$(basename "$file")
    if [ ! -e "$etc/$name" ]; then
        install -m 644 "$file" "$etc/$name"
    elif ! cmp -s "$file" "$etc/$name"; then
        install -m 644 "$file" "$etc/$name.new"
        echo "$etc/$name is kept; the shipped one is $name.new"
    fi
done
echo "installed in $bin; settings in $etc"
