#!/bin/bash
# The suite under sanitizers for a bounded time: run.sh BUILD (make asan, make tsan). README.md.
#
# Happy path: one program after another, those first that tell most, until SANITIZE_MINUTES are over.
# Failure modes: a test that fails, or a report in BUILD/reports, fails the run and is printed. What
# there was no time for is named, and fails nothing.
set -u
cd "$(dirname "$0")/../.." || exit 1
build=${1:?the folder of a build with a sanitizer}
reports=$PWD/$build/reports log=$build/sanitize.log
ends=$((SECONDS + 60 * ${SANITIZE_MINUTES:-18}))
daemons="log_dirs transactions groups reassign kills drain eligible quotas agent hold agent_net coordinator
    tools group_limits compaction damaged_files crash_all chaos"
failed=() left=()

rm -rf "$reports" && mkdir -p "$reports" || exit 1
export SIM_SEEDS=${SIM_SEEDS:-40} MILLRACE_SEEDS=${MILLRACE_SEEDS:-40} LOG_CRASH_SEEDS=${LOG_CRASH_SEEDS:-40}
export GROUP_STORM_SEEDS=${GROUP_STORM_SEEDS:-1} CHAOS_ROUNDS=${CHAOS_ROUNDS:-20} DEADLINE=${DEADLINE:-60}
export ASAN_OPTIONS=log_path=$reports/address:quarantine_size_mb=64:detect_stack_use_after_return=1
# gcc's UBSan has no log_path: what it ends, ends by a signal, which no test expects.
export UBSAN_OPTIONS=abort_on_error=1:print_stacktrace=1
export TSAN_OPTIONS=log_path=$reports/thread:suppressions=$PWD/tests/sanitize/thread.supp:second_deadlock_stack=1

report_count() { find "$reports" -type f | wc -l; }

run() { # NAME COMMAND...
    local name=$1 began=$SECONDS had status
    shift
    if [ $SECONDS -ge $ends ]; then
        left+=("$name")
        return
    fi
    had=$(report_count)
    timeout -k 10 $((ends - SECONDS)) "$@" >"$log" 2>&1
    status=$?
    if [ $SECONDS -ge $ends ] && [ $status -ge 124 ]; then
        left+=("$name")
    elif [ $status != 0 ] || [ "$(report_count)" != "$had" ]; then
        failed+=("$name")
        tail -n 60 "$log"
    fi
    printf '%-44s status %d, %d s\n' "$name" $status $((SECONDS - began))
}

programs() { # FOLDER
    [ ! -d "$build/tests/$1" ] || find "$build/tests/$1" -name '*_test' -type f | sort
}

for test in $(programs unit); do
    run "${test#"$build/tests/"}" "$test"
done
for name in $daemons; do
    run "cluster/$name" env BUILD="$build" build/venv/bin/python "tests/cluster/$name.t"
done
for test in $(programs sim); do
    run "${test#"$build/tests/"}" "$test"
done
for test in tests/cluster/*.t; do
    name=$(basename "$test" .t)
    [[ " $(echo $daemons) " == *" $name "* ]] ||
        run "cluster/$name" env BUILD="$build" build/venv/bin/python "$test"
done

[ ${#left[@]} = 0 ] || echo "no time was left for: ${left[*]} (SANITIZE_MINUTES)"
find "$reports" -type f -exec head -n 80 {} +
echo "failed: ${failed[*]:-none}; reports: $(report_count)"
[ ${#failed[@]} = 0 ] && [ "$(report_count)" = 0 ]
