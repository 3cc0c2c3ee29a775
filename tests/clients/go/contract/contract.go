// Package contract is what the clients in Go share: the contract of tests/clients/README.md.
package contract

import (
	"fmt"
	"io"
	"os"
	"sort"
	"strconv"
	"strings"
	"sync"
)

const tombstoneEvery = 10

var lock sync.Mutex

// Say prints one line.
func Say(format string, args ...any) {
	lock.Lock()
	defer lock.Unlock()
	fmt.Printf(format+"\n", args...)
}

// Fail ends the program.
func Fail(err error) {
	if err != nil {
		Say("error %v", err)
		os.Exit(1)
	}
}

func Key(n int) []byte    { return []byte("k" + strconv.Itoa(n)) }
func Header(n int) []byte { return []byte(strconv.Itoa(n)) }

// Value is nil, a tombstone, for each tenth record.
func Value(n int) []byte {
	if n%tombstoneEvery == tombstoneEvery-1 {
		return nil
	}
	return []byte("v" + strconv.Itoa(n) + "-" + strings.Repeat("abcde", 20))
}

func text(data []byte) string {
	if data == nil {
		return "null"
	}
	return string(data)
}

// SayRecord prints a record that was read; a value of length 0 counts as null with nullEmpty, for
// libraries that don't tell the two apart.
func SayRecord(partition int, offset int64, key, value, header []byte, nullEmpty bool) {
	if nullEmpty && len(value) == 0 {
		value = nil
	}
	Say("record %d %d %s %s %s", partition, offset, text(key), text(value), text(header))
}

// SayAssigned prints the partitions that the member owns now.
func SayAssigned(partitions []int32) {
	if len(partitions) == 0 {
		Say("assigned -")
		return
	}
	sort.Slice(partitions, func(i, j int) bool { return partitions[i] < partitions[j] })
	words := make([]string, len(partitions))
	for i, p := range partitions {
		words[i] = strconv.Itoa(int(p))
	}
	Say("assigned %s", strings.Join(words, ","))
}

// AbortEvery is how many transactions there are to one that `transact` aborts.
const AbortEvery = 3

// PerTransaction is how many records `transact` copies in one transaction, at most.
const PerTransaction = 10

// Aborted is what a transaction that is aborted has in it, too.
const Aborted = "aborted"

func leftAtEnd() <-chan struct{} {
	left := make(chan struct{})
	go func() {
		io.Copy(io.Discard, os.Stdin)
		close(left)
	}()
	return left
}

// Main calls one of the three; left is closed when the test has closed our stdin. A library without
// transactions has no transact.
func Main(produce func(servers []string, topic, codec string, first, count int),
	consume func(servers []string, topic, group, protocol string, left <-chan struct{}),
	transact func(servers []string, source, target, group string, left <-chan struct{})) {
	servers := strings.Split(os.Args[2], ",")
	switch os.Args[1] {
	case "produce":
		first, _ := strconv.Atoi(os.Args[5])
		count, _ := strconv.Atoi(os.Args[6])
		for _, codec := range strings.Split(os.Args[4], ",") {
			produce(servers, os.Args[3], codec, first, count)
			first += count
		}
	case "consume":
		consume(servers, os.Args[3], os.Args[4], os.Args[5], leftAtEnd())
	case "transact":
		transact(servers, os.Args[3], os.Args[4], os.Args[5], leftAtEnd())
	}
	Say("end")
}
