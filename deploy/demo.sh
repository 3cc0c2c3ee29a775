#!/bin/bash
# make run: three brokers on this machine, a topic with three replicas, its leader killed with -9 under
# a running producer, and everything acknowledged read back.
#
# Happy path: each step prints the command that it runs, so that it can be typed again. At a terminal
# the brokers then stay up until Ctrl-C; without one they are stopped and the script ends with 0.
# Failure modes: a port in use (says which, and by whom), a step that fails (says which, shows the ends
# of the brokers' logs); the status is then 1. What it started it ends, whatever happens.
set -u
cd "$(dirname "$0")/.." || exit 1
build=${1:-build}
PORTS=(9092 9093 9094 19092 19093 19094)
DATA=/tmp/kafka-logs-           # log.dirs of config/server0..2.properties
MARK=.made-by-make-run          # in a data directory: this script made it and may remove it
BOOTSTRAP=localhost:9092,localhost:9093,localhost:9094
RECORDS=1000                    # of the console producer
BEFORE_KILL=1000 AFTER_KILL=1000 # records of the steady producer, at 1,000 a second
WAIT_TENTHS=300                 # of a second: the longest wait for any one thing
out=$build/demo
server_pid=()
load_pid=

say() { printf '\n\033[1m== %s\033[0m\n' "$*" | { [ -t 1 ] && cat || sed 's/\x1b\[[0-9;]*m//g'; }; }

fail() {
    echo "make run: $*" >&2
    for id in 0 1 2; do
        [ -s "$out/server$id.log" ] || continue
        echo "---- the end of $out/server$id.log" >&2
        tail -n 20 "$out/server$id.log" >&2
    done
    exit 1
}

# Prints a command as it could be typed, and runs it.
run() {
    echo "\$ $*"
    "$@" || fail "this failed: $*"
}

# wait_for WHAT COMMAND...: until the command succeeds.
wait_for() {
    local what=$1 tenths=0
    shift
    until "$@" >/dev/null 2>&1; do
        tenths=$((tenths + 1))
        [ $tenths -lt $WAIT_TENTHS ] || fail "waited in vain for this: $what"
        for id in "${!server_pid[@]}"; do
            kill -0 "${server_pid[$id]}" 2>/dev/null || fail "broker $id ended by itself"
        done
        sleep 0.1
    done
}

# ---- before the start ----

# The process that listens on a port, as "PID (COMMAND)".
port_owner() {
    local inode link
    inode=$(awk -v port=":$(printf '%04X' "$1")" \
        '$4 == "0A" && substr($2, length($2) - 4) == port { print $10; exit }' \
        /proc/net/tcp /proc/net/tcp6 2>/dev/null)
    [ -n "$inode" ] || return 1
    link=$(find /proc/[0-9]*/fd -lname "socket:\[$inode\]" 2>/dev/null | head -n 1)
    link=${link#/proc/}
    if [ -n "$link" ]; then
        echo "process ${link%%/*} ($(tr '\0' ' ' <"/proc/${link%%/*}/cmdline" | cut -c 1-80))"
    else
        echo "a process of another user"
    fi
}

check_ports() {
    local owner taken=0
    for port in "${PORTS[@]}"; do
        if owner=$(port_owner "$port"); then
            echo "make run: port $port is taken by $owner" >&2
            taken=1
        fi
    done
    [ $taken = 0 ] || { echo "make run: stop it, and start again" >&2; exit 1; }
}

# Data that an earlier demo made goes; data of somebody else is used as it is.
prepare_data() {
    topic=demo
    for id in 0 1 2; do
        if [ -e "$DATA$id/$MARK" ]; then
            echo "removing $DATA$id, which an earlier make run made"
            rm -rf "${DATA:?}$id"
        fi
    done
    for id in 0 1 2; do
        if [ -e "$DATA$id" ]; then
            topic=demo-$$
            echo "$DATA$id was there before and is kept: the brokers continue with it"
        else
            mkdir -p "$DATA$id" && touch "$DATA$id/$MARK"
        fi
    done
}

# ---- the cluster ----

start_server() {
    echo "\$ bin/kafka-server-start.sh config/server$1.properties >$out/server$1.log 2>&1 &"
    # In a session of its own: Ctrl-C at the terminal is for this script, which then stops the brokers.
    setsid bin/kafka-server-start.sh "config/server$1.properties" >>"$out/server$1.log" 2>&1 &
    server_pid[$1]=$!
}

stop_all() {
    trap - EXIT INT TERM HUP
    [ -z "$load_pid" ] || kill "$load_pid" 2>/dev/null
    local status=0 id
    for id in "${!server_pid[@]}"; do
        kill -TERM "${server_pid[$id]}" 2>/dev/null
    done
    for id in "${!server_pid[@]}"; do
        wait "${server_pid[$id]}" || { echo "broker $id ended with status $?" >&2; status=1; }
    done
    for id in 0 1 2; do
        [ ! -e "$DATA$id/$MARK" ] || rm -rf "${DATA:?}$id"
    done
    return $status
}

describe() { bin/kafka-topics.sh --bootstrap-server $BOOTSTRAP --describe --topic "$topic"; }
show() {
    echo "\$ bin/kafka-topics.sh --bootstrap-server $BOOTSTRAP --describe --topic $topic"
    describe || fail "this failed: describe"
}
field() { describe | sed -n "s/.*Partition: 0.*$1: \([^\t]*\).*/\1/p"; }
three_brokers() { [ "$(bin/kafka-broker-api-versions.sh --bootstrap-server $BOOTSTRAP | grep -c 'id:')" = 3 ]; }
isr_whole() { [ "$(field Isr | tr , '\n' | sort | tr -d '\n')" = 012 ]; }
led_by_another() { local now; now=$(field Leader); [ -n "$now" ] && [ "$now" != none ] && [ "$now" != "$1" ]; }
acked() { [ "$(wc -l <"$out/acks")" -ge "$1" ]; }

# ---- the steps ----

start_cluster() {
    say "Three brokers"
    local began ended
    began=$(date +%s%N)
    for id in 0 1 2; do start_server $id; done
    wait_for "the three brokers serve" three_brokers
    ended=$(date +%s%N)
    echo "all three serve after $(((ended - began) / 1000000)) ms"
}

create_and_produce() {
    say "A topic with three replicas, and $RECORDS records"
    run bin/kafka-topics.sh --bootstrap-server localhost:9092 --create --topic "$topic" \
        --partitions 1 --replication-factor 3
    wait_for "every replica in sync" isr_whole
    show
    echo "\$ seq 1 $RECORDS | bin/kafka-console-producer.sh --bootstrap-server localhost:9092 --topic $topic"
    seq 1 $RECORDS | bin/kafka-console-producer.sh --bootstrap-server localhost:9092 \
        --topic "$topic" >/dev/null || fail "the console producer failed"
}

kill_leader() {
    say "A producer at 1,000 records a second, and kill -9 of the leader"
    # Its own pauses between tries are short, so that the gap is the cluster's.
    "$build/millrace-load" gap $BOOTSTRAP "$topic" rate=1000 acks=all linger.ms=0 \
        reconnect.backoff.ms=1 reconnect.backoff.max.ms=50 retry.backoff.ms=1 \
        topic.metadata.refresh.fast.interval.ms=10 enable.sparse.connections=false \
        >"$out/acks" 2>"$out/load.err" &
    load_pid=$!
    wait_for "the producer's records are acknowledged" acked $BEFORE_KILL
    leader=$(field Leader)
    [ -n "$leader" ] && [ "$leader" != none ] || fail "the topic has no leader"
    echo "\$ kill -9 ${server_pid[$leader]}    # broker $leader, the leader"
    local dead=${server_pid[$leader]}
    unset "server_pid[$leader]"
    kill -9 "$dead"
    wait "$dead" 2>/dev/null
    wait_for "another broker leads" led_by_another "$leader"
    show
    echo "broker $(field Leader) leads now"
    wait_for "records are acknowledged by the new leader" acked \
        $(($(wc -l <"$out/acks") + AFTER_KILL))
    kill -TERM "$load_pid"
    wait "$load_pid" || fail "the producer lost a record: $(cat "$out/load.err")"
    load_pid=
}

consume_back() {
    say "Everything back"
    local total
    awk '{ print "Offset:" $2 "\t" $3 }' "$out/acks" >"$out/expected"
    total=$((RECORDS + $(wc -l <"$out/acks")))
    echo "\$ bin/kafka-console-consumer.sh --bootstrap-server $BOOTSTRAP --topic $topic --from-beginning"
    bin/kafka-console-consumer.sh --bootstrap-server $BOOTSTRAP --topic "$topic" --from-beginning \
        --property print.offset=true --max-messages $total --timeout-ms 20000 \
        >"$out/consumed" 2>"$out/consume.err" || fail "the consumer failed: $(cat "$out/consume.err")"
    diff <(seq 1 $RECORDS) <(head -n $RECORDS "$out/consumed" | cut -f 2) >/dev/null ||
        fail "what the console producer wrote is not what was read back: $out/consumed"
    diff "$out/expected" <(tail -n +$((RECORDS + 1)) "$out/consumed") >/dev/null ||
        fail "what was acknowledged is not what was read back: $out/expected, $out/consumed"
    echo "$total records acknowledged, the same $total read back, each once, in order, at its offset"
    awk 'NR > 1 && $1 - last > gap { gap = $1 - last } { last = $1 }
        END { printf "the longest time between two acknowledgements was %.1f ms\n", gap / 1e6 }' "$out/acks"
}

restart_dead() {
    say "The dead broker again"
    start_server "$leader"
    wait_for "every replica in sync again" isr_whole
    show
    echo "the in-sync set is whole"
}

stay_up() {
    say "The cluster is up: try, in another terminal"
    cat <<TEXT
  bin/kafka-topics.sh --bootstrap-server localhost:9092 --describe
  bin/kafka-console-producer.sh --bootstrap-server localhost:9092 --topic $topic
  bin/kafka-console-consumer.sh --bootstrap-server localhost:9092 --topic $topic --from-beginning
  bin/kafka-metadata-quorum.sh --bootstrap-server localhost:9092 describe --status
  kill -9 ${server_pid[0]}      # broker 0; the others go on
The logs of the brokers are in $out. Ctrl-C ends all of it and removes the demo's data.
TEXT
    while :; do sleep 1; done
}

check_ports
mkdir -p "$out" && rm -f "$out"/*
prepare_data
trap 'stop_all; exit 1' EXIT
trap 'echo; say "Stopping"; stop_all; exit $?' INT TERM HUP
start_cluster
create_and_produce
kill_leader
consume_back
restart_dead
[ ! -t 0 ] || stay_up
say "Stopping"
stop_all || exit 1
echo "done: nothing was lost"
