#!/bin/sh
# install.sh BUILD_DIR DESTDIR PREFIX SYSCONFDIR: puts the programs, the links with Kafka's names, the
# manual pages, the completion for bash and zsh, the settings and the licence where a system keeps them.
# Settings that are there already are kept; the shipped ones lie beside them as NAME.new when they differ.
set -eu
build=${1:?usage: install.sh BUILD_DIR DESTDIR PREFIX SYSCONFDIR}
bin=$2${3:?usage: install.sh BUILD_DIR DESTDIR PREFIX SYSCONFDIR}/bin
share=$2$3/share
doc=$share/doc/millrace
etc=$2${4:?usage: install.sh BUILD_DIR DESTDIR PREFIX SYSCONFDIR}/millrace
cd "$(dirname "$0")/.."

install -d "$bin" "$doc" "$share/millrace" "$etc"
install -m 755 "$build/millrace" "$build/millrace-server" "$bin"
for tool in $("$build/millrace" help links); do
    ln -sfn millrace "$bin/$tool"
done
install -m 644 deploy/service/* "$share/millrace" # for millrace service install

install -d "$share/man/man1" "$share/bash-completion/completions" "$share/zsh/site-functions"
"$build/millrace" man >"$share/man/man1/millrace.1"
"$build/millrace" man --list | while read -r tool page; do
    "$build/millrace" man "$tool" >"$share/man/man1/$page.1"
done
install -m 644 deploy/debian/millrace-server.1 "$share/man/man1"
"$build/millrace" completion bash >"$share/bash-completion/completions/millrace"
for tool in millrace-server $("$build/millrace" help links); do # bash looks for a file with the command's name
    ln -sfn millrace "$share/bash-completion/completions/$tool"
done
"$build/millrace" completion zsh >"$share/zsh/site-functions/_millrace"

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
