#!/bin/sh
# TAP: each rule of rules.pl finds the breach that it is for, and leaves prose and good code alone.
set -u
rules=$(cd "$(dirname "$0")" && pwd)/rules.pl
root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
cd "$root" || exit 1
number=0

# expect NAME FILE TEXT PATTERN: the file with this text is reported with the pattern; an empty
# pattern means that it is not reported at all.
expect() {
    number=$((number + 1))
    mkdir -p "$(dirname "$2")"
    printf '%b' "$3" >"$2"
    out=$(perl "$rules" "$2" 2>&1)
    if { [ -n "$4" ] && printf '%s' "$out" | grep -q -e "$4"; } || { [ -z "$4" ] && [ -z "$out" ]; }; then
        echo "ok $number - $1"
    else
        echo "not ok $number - $1"
        printf '%s\n' "$out" | sed 's/^/# /'
    fi
    rm -f "$2"
}

long=$(printf 'x%.0s' $(seq 101))
body=$(printf '    x();\\n%.0s' $(seq 71))
lines=$(printf 'int x;\\n%.0s' $(seq 800))
echo 1..44
expect "good code" broker/a.c '/* What. */\n#include "base/err.h"\nint a_b(void)\n{\n    return 0;\n}\n' ''
expect "libuv outside env" broker/a.c '/* What. */\n#include <uv.h>\n' 'only common/env'
expect "libuv in env" common/env/a.c '/* What. */\n#include <uv.h>\n' ''
expect "raft outside its files" controller/topics.c '/* What. */\n#include <raft.h>\n' 'controller/raft_'
expect "common above itself" common/base/a.c '/* W. */\n#include "broker/broker.h"\n' 'nothing above'
expect "broker on controller" broker/net/a.c '/* W. */\n#include "controller/topics.h"\n' 'protobuf'
expect "the cluster on partitions" broker/cluster/a.c '/* W. */\n#include "broker/replica/partition.h"\n' 'callbacks'
expect "the cluster on itself" broker/cluster/a.c '/* W. */\n#include "broker/cluster/metadata.h"\n' ''
expect "the network on the broker" broker/net/a.c '/* W. */\n#include "broker/broker.h"\n' 'server_deps'
expect "the network on itself" broker/net/a.c '/* W. */\n#include "broker/net/request.h"\n' ''
expect "controller on broker" controller/a.c '/* W. */\n#include "broker/broker.h"\n' 'protobuf'
expect "a coordinator on groups" broker/coordinator/a.c '/* W. */\n#include "broker/group/group.h"\n' 'knows bytes'
expect "transactions on groups" broker/txn/a.c '/* W. */\n#include "broker/group/group.h"\n' 'stands on'
expect "a coordinator on replicas" broker/coordinator/a.c '/* W. */\n#include "broker/replica/partition_ops.h"\n' ''
expect "a handler on logs" broker/handlers/a.c '/* W. */\n#include "broker/log/log.h"\n' 'partition_ops'
expect "the settings of a log" broker/cluster/a.h '#include "broker/log/log_config.h"\n' ''
expect "the broker on its logs" broker/broker.c '/* W. */\n#include "broker/log/log_manager.h"\n' ''
expect "a handler on a partition" broker/handlers/a.c '/* W. */\n#include "broker/replica/partition.h"\n' 'inside of'
expect "a handler on operations" broker/handlers/a.c '/* W. */\n#include "broker/replica/partition_ops.h"\n' ''
expect "a pointer to a partition" broker/handlers/a.h 'struct partition *a;\n' 'a reference'
expect "a pointer to an operation" broker/handlers/a.h 'struct partition_op *a;\n' ''
expect "a partition's log" broker/group/a.c '/* W. */\nint a(void)\n{\n    return !partition_log(p);\n}\n' 'reference'
expect "malloc" broker/a.c '/* W. */\nint a(void)\n{\n    return !malloc(1);\n}\n' 'mem_alloc'
expect "malloc in prose and strings" broker/a.c '/* malloc(1) */\nchar *x = "malloc(1)";\n' ''
expect "a member named free" broker/a.c '/* W. */\nint a(void)\n{\n    return x->free(1);\n}\n' ''
expect "the clock" broker/a.c '/* W. */\nint a(void)\n{\n    return clock_gettime(1, 0);\n}\n' 'env_now'
expect "a long line" broker/a.c "/* $long */\n" 'columns'
expect "a long function" broker/a.c "/* W. */\nint a(void)\n{\n$body}\n" '71 lines'
expect "a long file" broker/a.c "/* W. */\n$lines" '801 lines'
expect "no head comment" broker/a.c 'int x;\n' 'head comment'
expect "a note to oneself" broker/a.c '/* TO''DO: more. */\n' 'notes to oneself'
expect "a bare sleep" tests/cluster/a.t 'time.sleep(1)\n' 'wait_until'
expect "a util file" broker/util.c '/* W. */\n' 'name a file'
expect "blanks at the end" broker/a.c '/* W. */ \nint x;\n' 'blanks'
expect "a folder without README" broker/a.c '/* W. */\nint x;\n' ''

expect "a state that is assigned" broker/a.c '/* W. */\nvoid a_b(int x)\n{\n    a->state = 1;\n}\n' 'x_move only'
expect "a state of an embedded one" broker/a.c '/* W. */\nvoid a_b(int x)\n{\n    a->b.state = 1;\n}\n' 'x_move only'
expect "a move elsewhere" broker/a.c '/* W. */\nvoid a_b(int x)\n{\n    STATE_MOVE(t, s, 1);\n}\n' 'x_move only'
expect "a state in its move" broker/a.c '/* W. */\nstatic void a_move(int x)\n{\n    a->state = x;\n}\n' ''
expect "a state that is compared" broker/a.c '/* W. */\nint a_b(int x)\n{\n    return a->state == 1;\n}\n' ''

# A setting that is read nowhere, and one that is.
mkdir -p common/config
printf '    X(%s, "a", INT, "1", NULL, 0, 1, NULL, CONFIG_DYNAMIC, "A.") \\\n' A_B >common/config/config_table.h
for text in x CONFIG_A_B; do
    number=$((number + 1))
    printf '/* W. */\nint y = %s;\n' "$text" >broker/a.c
    found=$(perl "$rules" --folders common/config/config_table.h broker/a.c | grep -c 'nothing reads CONFIG_A_B')
    if [ "$found" = "$([ "$text" = x ] && echo 1 || echo 0)" ]; then
        echo "ok $number - a setting that $([ "$text" = x ] && echo nothing || echo something) reads"
    else
        echo "not ok $number - a setting is read or not: $found breaches for $text"
    fi
done

# A function that asserts nothing in a tree that has but this one, and one that does.
for text in 'f();' 'ASSERT(x);'; do
    number=$((number + 1))
    printf '/* W. */\nvoid a(int x)\n{\n    %s\n}\n' "$text" >broker/a.c
    found=$(perl "$rules" --folders broker/a.c | grep -c 'assert what the new functions rest on')
    if [ "$found" = "$([ "$text" = 'f();' ] && echo 1 || echo 0)" ]; then
        echo "ok $number - a function with $text"
    else
        echo "not ok $number - assertions are counted: $found breaches for $text"
    fi
done
