#!/bin/sh
# The rules of style and layering that a program can check. Prints a line for each breach, with what
# to do instead; status 1 when there is one. `tests/tidy.sh FILE...` checks just those files.
set -eu
cd "$(dirname "$0")/.."
if [ $# -eq 0 ]; then
    # Tracked files and new ones that are not ignored, as far as they still exist.
    git ls-files -co --exclude-standard | while read -r file; do
        [ ! -f "$file" ] || printf '%s\n' "$file"
    done | xargs perl tests/tidy/rules.pl --folders
else
    perl tests/tidy/rules.pl "$@"
fi
echo "tidy: no breach"
