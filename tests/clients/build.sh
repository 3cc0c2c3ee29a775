#!/bin/bash
# Builds one client program of the matrix, or all of them: build.sh OUT [NAME...]
#
# OUT/NAME/client is the program (contract: README.md). When the machine lacks something for it,
# OUT/NAME/lacks says what, and its tests are skipped with that reason. When all is there and it
# still does not build, OUT/NAME/broken has the end of the log, and its tests fail.
set -u
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
all="kcat confluent-kafka-python kafka-python aiokafka java-2.1.0 java-3.9 java-4 tutorial-2.1.0
streams-4 flink-1.20 connect-4.1 flume-1.11 librdkafka franz-go franz-go-fetch4 sarama kafka-go kafkajs rdkafka"

lack() { echo "$*" >"$dir/lacks"; exit 0; }
broken() { { echo "it does not build:"; tail -n 20 "$dir/log"; } >"$dir/broken"; exit 0; }
need() { command -v "$1" >/dev/null || lack "$1 is not installed ($2)"; }
# A step that loads packages from a registry: without a network it is something the machine lacks.
load() {
    timeout 300 "$@" >"$dir/log" 2>&1 && return
    rm -f "$dir/package.json"
    lack "its packages can't be loaded: $(tail -n 2 "$dir/log" | tr '\n' ' ')"
}
compile() { "$@" >"$dir/log" 2>&1 || broken; }
script() { printf '#!/bin/sh\nexec %s "$@"\n' "$*" >"$dir/client"; chmod +x "$dir/client"; }

python() { # FILE MODULE
    "$root/build/venv/bin/python" -c "import $2" 2>/dev/null ||
        lack "the Python package $2 is not installed in build/venv"
    script "'$root/build/venv/bin/python' '$here/python/$1'"
}

jars() { # POM KEY [OPTION...]: loads what the POM names, unless that of KEY is there
    need mvn "Debian package maven"
    need javac "Debian package default-jdk-headless"
    [ "$(cat "$dir/release" 2>/dev/null)" != "$2" ] || return 0
    rm -rf "$dir/lib"
    load mvn -q -B -f "$1" "${@:3}" dependency:copy-dependencies "-DoutputDirectory=$dir/lib"
    echo "$2" >"$dir/release"
}

java_script() { # MAIN [OPTION...]
    script "java -XX:TieredStopAtLevel=1 -XX:+UseSerialGC ${*:2} -cp '$dir/classes:$dir/lib/*' $1"
}

java() { # RELEASE ARTIFACT "FOLDER..." MAIN
    jars "$here/java/pom.xml" "$1 $2" "-Dkafka.version=$1" "-Dkafka.artifact=$2"
    sources=()
    for folder in $3; do
        sources+=("$here/$folder"/*.java)
    done
    compile javac -nowarn -d "$dir/classes" -cp "$dir/lib/*" "${sources[@]}"
    java_script "$4" -Xmx192m
}

flink() {
    jars "$here/flink/pom.xml" "$(cksum <"$here/flink/pom.xml")"
    compile javac -nowarn -d "$dir/classes" -cp "$dir/lib/*" "$here"/flink/src/*.java
    # It warns twice with each checkpoint that a metric has its name already.
    java_script FlinkCopy -Xmx512m -Dorg.slf4j.simpleLogger.defaultLogLevel=warn \
        -Dorg.slf4j.simpleLogger.log.org.apache.flink.metrics=error
}

connect() { # its arguments are a class and its own
    jars "$here/connect/pom.xml" "$(cksum <"$here/connect/pom.xml")"
    java_script "" -Xmx256m -Dorg.slf4j.simpleLogger.defaultLogLevel=warn
}

flume() { # its arguments are a class and its own
    jars "$here/flume/pom.xml" "$(cksum <"$here/flume/pom.xml")"
    java_script "" -Xmx192m -Dorg.slf4j.simpleLogger.defaultLogLevel=info \
        -Dorg.slf4j.simpleLogger.log.org.apache.kafka=warn
}

go_client() { # FOLDER
    need go "https://go.dev, 1.26 or later"
    (cd "$here/go" && load go mod download)
    [ ! -f "$dir/lacks" ] || exit 0
    compile env -C "$here/go" go build -o "$dir/client" "./$1"
}

npm_client() {
    need node "https://nodejs.org, 18 or later"
    need npm "it comes with Node"
    if ! cmp -s "$here/kafkajs/package.json" "$dir/package.json"; then
        cp "$here/kafkajs/package.json" "$dir/"
        load npm install --prefix "$dir" --no-package-lock --loglevel=error
    fi
    cp "$here/kafkajs/client.js" "$dir/"
    script "node '$dir/client.js'"
}

rust_client() {
    need cargo "https://rustup.rs"
    need pkg-config "Debian package pkg-config"
    pkg-config --exists rdkafka ||
        lack "librdkafka's headers are missing (Debian package librdkafka-dev)"
    (cd "$here/rust" && load cargo fetch --locked)
    [ ! -f "$dir/lacks" ] || exit 0
    compile cargo build -q --locked --manifest-path "$here/rust/Cargo.toml" \
        --target-dir "$dir/target"
    script "'$dir/target/debug/rdkafka-client'"
}

c_client() {
    [ -f /usr/include/librdkafka/rdkafka.h ] ||
        lack "librdkafka's headers are missing (Debian package librdkafka-dev)"
    compile ${CC:-gcc} -std=gnu11 -O1 -g -Wall -Wextra -Werror -o "$dir/client" \
        "$here/librdkafka/client.c" -lrdkafka
}

build_one() {
    dir=$1/$2
    mkdir -p "$dir"
    rm -f "$dir/lacks" "$dir/broken"
    case $2 in
    kcat)
        need kcat "Debian package kcat"
        script "'$root/build/venv/bin/python' '$here/kcat/kcat_client.py'" ;;
    confluent-kafka-python) python confluent_client.py confluent_kafka ;;
    kafka-python) python kafka_python_client.py kafka ;;
    aiokafka) python aiokafka_client.py aiokafka ;;
    java-2.1.0) java 2.1.0 kafka-clients java/src Member ;;
    java-3.9) java 3.9.1 kafka-clients java/src Member ;;
    java-4) java 4.1.1 kafka-clients "java/src java-4/src" Member ;;
    tutorial-2.1.0) java 2.1.0 kafka_2.12 tutorial/src "" ;;
    streams-4) java 4.1.1 kafka-streams streams/src WordCount ;;
    franz-go) go_client franz ;;
    franz-go-fetch4) # the same library, as if it were of before zstd
        go_client franz
        [ -f "$dir/broken" ] || { mv "$dir/client" "$dir/program" &&
            script "env FETCH_MAX=4 '$dir/program'"; } ;;
    sarama) go_client sarama ;;
    kafka-go) go_client kafkago ;;
    kafkajs) npm_client ;;
    rdkafka) rust_client ;;
    librdkafka) c_client ;;
    flink-1.20) flink ;;
    connect-4.1) connect ;;
    flume-1.11) flume ;;
    *) lack "there is no recipe for $2" ;;
    esac
}

out=$(mkdir -p "$1" && cd "$1" && pwd)
shift
for name in ${*:-$all}; do
    (build_one "$out" "$name")
done
