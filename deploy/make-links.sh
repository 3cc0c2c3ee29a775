#!/bin/sh
# make-links.sh BUILD_DIR: bin/ with links to the programs, and config/ with the files to change.
#
# A link's name tells the program which tool it is. A file of config/ that was changed by hand is
# left alone; one that is as deploy/config had it when it was copied follows deploy/config. The
# copies of that time are kept in config/.shipped.
set -eu
build=${1:?usage: make-links.sh BUILD_DIR}
cd "$(dirname "$0")/.."

case $build in
/*) target=$build ;;
*) target=../$build ;;
esac

link() {
    [ "$(readlink "bin/$2" 2>/dev/null)" = "$1" ] || ln -sfn "$1" "bin/$2"
}

mkdir -p bin config/.shipped
link "$target/millrace-server" millrace-server
link "$target/millrace" millrace
for tool in $("$build/millrace" help links); do
    link millrace "$tool"
done

for file in deploy/config/*; do
    name=$(basename "$file")
    if [ ! -e "config/$name" ] || cmp -s "config/$name" "config/.shipped/$name"; then
        cmp -s "$file" "config/$name" || cp "$file" "config/$name"
    elif ! cmp -s "$file" "config/$name" && ! cmp -s "$file" "config/.shipped/$name"; then
        echo "config/$name was changed by hand and is kept; deploy/config/$name is newer"
    fi
    cp "$file" "config/.shipped/$name"
done
