package main

import (
	"time"

	"github.com/IBM/sarama"
	"millrace.tests/clients/contract"
)

// copier copies each of its partitions with a producer of its own, as sarama's own example does: all
// claims of a session run at once, and a producer has one transaction at a time.
type copier struct {
	servers               []string
	source, target, group string
	turns                 chan int // the number of the next transaction, of all claims
}

func (c copier) Setup(s sarama.ConsumerGroupSession) error { return nil }

func (c copier) Cleanup(sarama.ConsumerGroupSession) error { return nil }

func (c copier) producer(partition int32) (sarama.SyncProducer, error) {
	settings := config()
	settings.Producer.RequiredAcks = sarama.WaitForAll
	settings.Producer.Return.Successes = true
	settings.Producer.Idempotent = true
	settings.Producer.Partitioner = sarama.NewManualPartitioner
	settings.Producer.Transaction.ID = "copy-" + c.group + "-" + string('0'+rune(partition))
	settings.Producer.Transaction.Retry.Max = 1000
	settings.Producer.Transaction.Retry.Backoff = 50 * time.Millisecond
	settings.Producer.Retry.Max = 1000
	settings.Producer.Retry.Backoff = 50 * time.Millisecond
	settings.Net.MaxOpenRequests = 1
	return sarama.NewSyncProducer(c.servers, settings)
}

// next is what comes next, up to a pause; none when the session is over.
func next(s sarama.ConsumerGroupSession, claim sarama.ConsumerGroupClaim) []*sarama.ConsumerMessage {
	var found []*sarama.ConsumerMessage
	pause := time.NewTicker(50 * time.Millisecond)
	defer pause.Stop()
	for len(found) < contract.PerTransaction {
		select {
		case m, ok := <-claim.Messages():
			if !ok {
				return nil
			}
			found = append(found, m)
		case <-pause.C:
			if len(found) > 0 {
				return found
			}
		case <-s.Context().Done():
			return nil
		}
	}
	return found
}

func (c copier) send(producer sarama.SyncProducer, s sarama.ConsumerGroupSession,
	found []*sarama.ConsumerMessage, abort bool) error {
	var messages []*sarama.ProducerMessage
	for _, m := range found {
		sent := &sarama.ProducerMessage{Topic: c.target, Partition: m.Partition,
			Key: sarama.ByteEncoder(m.Key)}
		if m.Value != nil {
			sent.Value = sarama.ByteEncoder(m.Value)
		}
		messages = append(messages, sent)
	}
	if abort {
		messages = append(messages, &sarama.ProducerMessage{Topic: c.target,
			Partition: found[0].Partition, Value: sarama.StringEncoder(contract.Aborted)})
	}
	if err := producer.SendMessages(messages); err != nil {
		return err
	}
	last := found[len(found)-1]
	return producer.AddMessageToTxnWithGroupMetadata(last, &sarama.ConsumerGroupMetadata{
		GroupID: c.group, GenerationID: s.GenerationID(), MemberID: s.MemberID()}, nil)
}

// copyOne says whether the claim goes on. What is aborted is read again by the next session: the end of
// one claim ends the session.
func (c copier) copyOne(producer sarama.SyncProducer, s sarama.ConsumerGroupSession,
	found []*sarama.ConsumerMessage) (bool, error) {
	if err := producer.BeginTxn(); err != nil {
		return false, err
	}
	turn := <-c.turns
	c.turns <- turn + 1
	abort := turn%contract.AbortEvery == 0
	err := c.send(producer, s, found, abort)
	if err != nil || abort {
		if err != nil {
			contract.Say("note send: %v", err)
		}
		if err = producer.AbortTxn(); err == nil {
			contract.Say("aborted")
		}
		return false, err
	}
	if err = producer.CommitTxn(); err == nil {
		contract.Say("copied %d", len(found))
	}
	return true, err
}

func (c copier) ConsumeClaim(s sarama.ConsumerGroupSession, claim sarama.ConsumerGroupClaim) error {
	producer, err := c.producer(claim.Partition())
	if err != nil {
		contract.Say("note producer: %v", err)
		return nil
	}
	defer producer.Close()
	for goes := true; goes; {
		found := next(s, claim)
		if found == nil {
			return nil
		}
		if goes, err = c.copyOne(producer, s, found); err != nil {
			contract.Say("note transaction: %v", err)
			return nil
		}
	}
	return nil
}

func transact(servers []string, source, target, group string, left <-chan struct{}) {
	c := copier{servers, source, target, group, make(chan int, 1)}
	c.turns <- 1
	settings := memberConfig()
	settings.Consumer.IsolationLevel = sarama.ReadCommitted
	join(servers, source, group, settings, c, left)
}
