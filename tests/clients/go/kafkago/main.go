// segmentio/kafka-go behind the contract of tests/clients.
package main

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/segmentio/kafka-go"
	"millrace.tests/clients/contract"
)

var codecs = map[string]kafka.Compression{"gzip": kafka.Gzip, "snappy": kafka.Snappy, "lz4": kafka.Lz4,
	"zstd": kafka.Zstd}

const (
	lookupsMax  = 100
	lookupPause = 50 * time.Millisecond
)

func produce(servers []string, topic, codec string, first, count int) {
	writer := &kafka.Writer{Addr: kafka.TCP(servers...), Topic: topic, Balancer: &kafka.Hash{},
		RequiredAcks: kafka.RequireAll, Compression: codecs[codec], BatchTimeout: 5 * time.Millisecond,
		MaxAttempts: 1000, WriteBackoffMin: 20 * time.Millisecond, WriteBackoffMax: 200 * time.Millisecond}
	messages := []kafka.Message{}
	for n := first; n < first+count; n++ {
		messages = append(messages, kafka.Message{Key: contract.Key(n), Value: contract.Value(n),
			Headers: []kafka.Header{{Key: "n", Value: contract.Header(n)}}})
	}
	// The writer tries sends again, but not its look at the partitions: that is left to the program.
	for attempt := 0; ; attempt++ {
		err := writer.WriteMessages(context.Background(), messages...)
		if err == nil {
			break
		}
		if attempt == lookupsMax {
			contract.Fail(err)
		}
		contract.Say("note %v", err)
		time.Sleep(lookupPause)
	}
	for n := first; n < first+count; n++ {
		contract.Say("ack %d", n)
	}
	contract.Fail(writer.Close())
}

// read reads one partition for as long as a generation lasts, and commits each record.
func read(ctx context.Context, servers []string, topic, group string, generation *kafka.Generation,
	partition int, offset int64) {
	reader := kafka.NewReader(kafka.ReaderConfig{Brokers: servers, Topic: topic, Partition: partition,
		MinBytes: 1, MaxBytes: 1 << 20, MaxWait: 500 * time.Millisecond, ReadBackoffMin: 20 * time.Millisecond})
	defer reader.Close()
	contract.Fail(reader.SetOffset(offset))
	for {
		m, err := reader.ReadMessage(ctx)
		if errors.Is(err, kafka.ErrGenerationEnded) || ctx.Err() != nil {
			return
		}
		if err != nil {
			contract.Say("note %v", err)
			continue
		}
		var header []byte
		for _, found := range m.Headers {
			header = found.Value
		}
		contract.SayRecord(m.Partition, m.Offset, m.Key, m.Value, header, false)
		offsets := map[string]map[int]int64{topic: {partition: m.Offset + 1}}
		if err := generation.CommitOffsets(offsets); err != nil {
			contract.Say("note %v", err)
		}
	}
}

func consume(servers []string, topic, group, protocol string, left <-chan struct{}) {
	member, err := kafka.NewConsumerGroup(kafka.ConsumerGroupConfig{ID: group, Brokers: servers,
		Topics: []string{topic}, HeartbeatInterval: 500 * time.Millisecond, SessionTimeout: 6 * time.Second,
		RebalanceTimeout: 10 * time.Second, JoinGroupBackoff: 100 * time.Millisecond,
		StartOffset: kafka.FirstOffset})
	contract.Fail(err)
	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		<-left
		cancel()
	}()
	var readers sync.WaitGroup
	for ctx.Err() == nil {
		generation, err := member.Next(ctx)
		if err != nil {
			if ctx.Err() == nil {
				contract.Say("note %v", err)
			}
			continue
		}
		owned := []int32{}
		for _, found := range generation.Assignments[topic] {
			owned = append(owned, int32(found.ID))
			readers.Add(1)
			generation.Start(func(ctx context.Context) {
				defer readers.Done()
				read(ctx, servers, topic, group, generation, found.ID, found.Offset)
			})
		}
		contract.SayAssigned(owned)
	}
	contract.Fail(member.Close())
	readers.Wait()
}

func main() { contract.Main(produce, consume, nil) }
