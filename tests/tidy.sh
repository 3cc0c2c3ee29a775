#!/bin/sh
# The rules of style and layering that a program can check. Prints a line for each breach, with what
# to do instead; status 1 when there is one. `tests/tidy.sh FILE...` checks just those files.
set -eu
cd "$(dirname "$0")/.."
formatter=14 # versions differ in small things: others are not asked

# Tracked files and new ones that are not ignored, as far as they still exist.
files() {
    git ls-files -co --exclude-standard "$@" | while read -r file; do
        [ ! -f "$file" ] || printf '%s\n' "$file"
    done
}

# The files that clang-format would write otherwise.
unformatted() {
    case $(clang-format --version 2>/dev/null) in
    *"version $formatter."*) ;;
    *)
        echo "tidy: clang-format $formatter is not here: the format is not checked" >&2
        return
        ;;
    esac
    files '*.c' '*.h' | xargs clang-format -n 2>&1 | sed -n 's/:.*Wclang-format-violations.*//p' | uniq
}

if [ $# -gt 0 ]; then
    perl tests/tidy/rules.pl "$@"
else
    files | xargs perl tests/tidy/rules.pl --folders
    left=$(unformatted)
    if [ -n "$left" ]; then
        printf '%s: not formatted: make format\n' $left
        exit 1
    fi
fi
echo "tidy: no breach"
