// sarama behind the contract of tests/clients.
package main

import (
	"context"
	"errors"
	"time"

	"github.com/IBM/sarama"
	"millrace.tests/clients/contract"
)

var codecs = map[string]sarama.CompressionCodec{"none": sarama.CompressionNone, "gzip": sarama.CompressionGZIP,
	"snappy": sarama.CompressionSnappy, "lz4": sarama.CompressionLZ4, "zstd": sarama.CompressionZSTD}

func config() *sarama.Config {
	c := sarama.NewConfig()
	c.Version = sarama.MaxVersion
	c.Metadata.Retry.Max = 1000
	c.Metadata.Retry.Backoff = 50 * time.Millisecond
	return c
}

func message(topic string, n int) *sarama.ProducerMessage {
	m := &sarama.ProducerMessage{Topic: topic, Key: sarama.ByteEncoder(contract.Key(n)), Metadata: n,
		Headers: []sarama.RecordHeader{{Key: []byte("n"), Value: contract.Header(n)}}}
	if value := contract.Value(n); value != nil {
		m.Value = sarama.ByteEncoder(value)
	}
	return m
}

func produce(servers []string, topic, codec string, first, count int) {
	c := config()
	c.Producer.RequiredAcks = sarama.WaitForAll
	c.Producer.Compression = codecs[codec]
	c.Producer.Return.Successes = true
	c.Producer.Retry.Max = 1000
	c.Producer.Retry.Backoff = 50 * time.Millisecond
	c.Producer.Flush.Frequency = 5 * time.Millisecond
	producer, err := sarama.NewAsyncProducer(servers, c)
	contract.Fail(err)
	go func() {
		for n := first; n < first+count; n++ {
			producer.Input() <- message(topic, n)
		}
	}()
	for range count {
		select {
		case done := <-producer.Successes():
			contract.Say("ack %d", done.Metadata)
		case failed := <-producer.Errors():
			contract.Fail(failed)
		}
	}
	contract.Fail(producer.Close())
}

type handler struct{ topic string }

func (h handler) Setup(s sarama.ConsumerGroupSession) error {
	contract.SayAssigned(append([]int32{}, s.Claims()[h.topic]...))
	return nil
}

func (h handler) Cleanup(sarama.ConsumerGroupSession) error {
	contract.SayAssigned(nil)
	return nil
}

func (h handler) ConsumeClaim(s sarama.ConsumerGroupSession, claim sarama.ConsumerGroupClaim) error {
	for {
		select {
		case m, ok := <-claim.Messages():
			if !ok {
				return nil
			}
			var header []byte
			for _, found := range m.Headers {
				header = found.Value
			}
			contract.SayRecord(int(m.Partition), m.Offset, m.Key, m.Value, header, false)
			s.MarkMessage(m, "")
			s.Commit()
		case <-s.Context().Done():
			return nil
		}
	}
}

func memberConfig() *sarama.Config {
	c := config()
	c.Consumer.Offsets.Initial = sarama.OffsetOldest
	c.Consumer.Offsets.AutoCommit.Enable = false
	c.Consumer.Offsets.Retry.Max = 1000
	c.Consumer.Group.Session.Timeout = 6 * time.Second
	c.Consumer.Group.Heartbeat.Interval = 500 * time.Millisecond
	c.Consumer.Group.Rebalance.Retry.Max = 1000
	c.Consumer.Group.Rebalance.Retry.Backoff = 100 * time.Millisecond
	c.Consumer.Return.Errors = true
	return c
}

func consume(servers []string, topic, group, protocol string, left <-chan struct{}) {
	join(servers, topic, group, memberConfig(), handler{topic}, left)
}

// join is a member's life, until left.
func join(servers []string, topic, group string, c *sarama.Config, h sarama.ConsumerGroupHandler,
	left <-chan struct{}) {
	member, err := sarama.NewConsumerGroup(servers, group, c)
	contract.Fail(err)
	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		<-left
		cancel()
	}()
	go func() {
		for err := range member.Errors() {
			contract.Say("note %v", err)
		}
	}()
	for ctx.Err() == nil {
		err := member.Consume(ctx, []string{topic}, h)
		if errors.Is(err, sarama.ErrClosedConsumerGroup) {
			break
		}
		if err != nil {
			contract.Say("note %v", err)
		}
	}
	if err := member.Close(); err != nil {
		// The coordinator may just have died: the session's timeout removes the member then.
		contract.Say("note %v", err)
	}
}

func main() { contract.Main(produce, consume, transact) }
