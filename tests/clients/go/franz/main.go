// franz-go behind the contract of tests/clients.
package main

import (
	"context"
	"os"
	"strconv"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kversion"
	"millrace.tests/clients/contract"
)

var codecs = map[string]kgo.CompressionCodec{"none": kgo.NoCompression(), "gzip": kgo.GzipCompression(),
	"snappy": kgo.SnappyCompression(), "lz4": kgo.Lz4Compression(), "zstd": kgo.ZstdCompression()}

// versions makes the library as old as FETCH_MAX says: the newest version of Fetch that it knows.
func versions() kgo.Opt {
	all := kversion.Stable()
	if text := os.Getenv("FETCH_MAX"); text != "" {
		fetch, err := strconv.Atoi(text)
		contract.Fail(err)
		all.SetMaxKeyVersion(1, int16(fetch))
	}
	return kgo.MaxVersions(all)
}

func produce(servers []string, topic, codec string, first, count int) {
	client, err := kgo.NewClient(kgo.SeedBrokers(servers...), kgo.DefaultProduceTopic(topic),
		kgo.ProducerBatchCompression(codecs[codec]), kgo.ProducerLinger(5*time.Millisecond))
	contract.Fail(err)
	defer client.Close()
	for n := first; n < first+count; n++ {
		record := &kgo.Record{Key: contract.Key(n), Value: contract.Value(n),
			Headers: []kgo.RecordHeader{{Key: "n", Value: contract.Header(n)}}}
		client.Produce(context.Background(), record, func(_ *kgo.Record, err error) {
			contract.Fail(err)
			contract.Say("ack %d", n)
		})
	}
	contract.Fail(client.Flush(context.Background()))
}

// owned is the member's assignment: the balancer reports what comes and what goes.
type owned struct {
	sync.Mutex
	partitions map[int32]bool
}

func (o *owned) change(topic string, owns bool) func(context.Context, *kgo.Client, map[string][]int32) {
	return func(_ context.Context, _ *kgo.Client, changed map[string][]int32) {
		o.Lock()
		defer o.Unlock()
		for _, p := range changed[topic] {
			if owns {
				o.partitions[p] = true
			} else {
				delete(o.partitions, p)
			}
		}
		now := []int32{}
		for p := range o.partitions {
			now = append(now, p)
		}
		contract.SayAssigned(now)
	}
}

func consume(servers []string, topic, group, protocol string, left <-chan struct{}) {
	o := &owned{partitions: map[int32]bool{}}
	ctx := context.Background()
	if protocol == "consumer" {
		// The library speaks KIP-848 only to those who ask for it this way.
		ctx = context.WithValue(ctx, "opt_in_kafka_next_gen_balancer_beta", true)
	}
	options := []kgo.Opt{kgo.WithContext(ctx), kgo.SeedBrokers(servers...), kgo.ConsumerGroup(group),
		versions(),
		kgo.ConsumeTopics(topic), kgo.DisableAutoCommit(),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()),
		kgo.OnPartitionsAssigned(o.change(topic, true)), kgo.OnPartitionsRevoked(o.change(topic, false)),
		kgo.OnPartitionsLost(o.change(topic, false)), kgo.FetchMaxWait(500 * time.Millisecond)}
	if protocol == "classic" {
		options = append(options, kgo.SessionTimeout(6*time.Second),
			kgo.HeartbeatInterval(500*time.Millisecond))
	}
	client, err := kgo.NewClient(options...)
	contract.Fail(err)
	for open := true; open; {
		select {
		case <-left:
			open = false
		default:
			step(client)
		}
	}
	client.LeaveGroup()
	client.Close()
}

func step(client *kgo.Client) {
	ctx, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
	defer cancel()
	fetches := client.PollFetches(ctx)
	seen := 0
	fetches.EachRecord(func(r *kgo.Record) {
		seen++
		var header []byte
		for _, h := range r.Headers {
			header = h.Value
		}
		contract.SayRecord(int(r.Partition), r.Offset, r.Key, r.Value, header, false)
	})
	if seen == 0 {
		return
	}
	if err := client.CommitUncommittedOffsets(context.Background()); err != nil {
		contract.Say("note %v", err)
	}
}

func session(servers []string, source, target, group string) *kgo.GroupTransactSession {
	s, err := kgo.NewGroupTransactSession(kgo.SeedBrokers(servers...), kgo.DefaultProduceTopic(target),
		kgo.TransactionalID("copy-"+group), kgo.FetchIsolationLevel(kgo.ReadCommitted()),
		kgo.RequireStableFetchOffsets(), kgo.ConsumerGroup(group), kgo.ConsumeTopics(source),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.FetchMaxWait(500*time.Millisecond),
		kgo.SessionTimeout(6*time.Second), kgo.HeartbeatInterval(500*time.Millisecond))
	contract.Fail(err)
	return s
}

// copyOne says whether the session can go on: it ends each transaction by itself as it should when
// the group was rebalanced meanwhile, and then reads again what is not committed.
func copyOne(s *kgo.GroupTransactSession, records []*kgo.Record, abort bool) bool {
	if err := s.Begin(); err != nil {
		contract.Say("note begin: %v", err)
		return false
	}
	result := kgo.AbortingFirstErrPromise(s.Client())
	for _, r := range records {
		s.Produce(context.Background(), &kgo.Record{Key: r.Key, Value: r.Value}, result.Promise())
	}
	if abort {
		s.Produce(context.Background(), &kgo.Record{Value: []byte(contract.Aborted)}, result.Promise())
	}
	err := result.Err()
	if err != nil {
		contract.Say("note produce: %v", err)
	}
	committed, err := s.End(context.Background(), kgo.TransactionEndTry(err == nil && !abort))
	switch {
	case err != nil:
		contract.Say("note end: %v", err)
		return false
	case committed:
		contract.Say("copied %d", len(records))
	default:
		contract.Say("aborted")
	}
	return true
}

func transact(servers []string, source, target, group string, left <-chan struct{}) {
	s := session(servers, source, target, group)
	for count := 0; ; {
		select {
		case <-left:
			s.Close()
			return
		default:
		}
		ctx, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
		records := s.PollRecords(ctx, contract.PerTransaction).Records()
		cancel()
		if len(records) == 0 {
			continue
		}
		count++
		if !copyOne(s, records, count%contract.AbortEvery == 0) {
			s.Close()
			s = session(servers, source, target, group)
		}
	}
}

func main() { contract.Main(produce, consume, transact) }
