"""confluent-kafka for Python, which brings a librdkafka of its own."""
import sys

from confluent_kafka import Consumer, KafkaException, Producer, TopicPartition

import contract

POLL_S = 0.1


def produce(servers, topic, codec, numbers):
    failed = []
    producer = Producer({"bootstrap.servers": servers, "acks": "all", "compression.type": codec,
                         "linger.ms": 5, "enable.idempotence": True})

    def delivered(n):
        return lambda error, _: failed.append(error) if error else contract.say("ack", n)

    for n in numbers:
        producer.produce(topic, key=contract.key(n), value=contract.value(n),
                         headers=contract.headers(n), on_delivery=delivered(n))
        producer.poll(0)
    rest = producer.flush(120)
    if failed or rest:
        sys.exit(f"error {failed} {rest} records without an answer")


def settings(servers, group, protocol):
    found = {"bootstrap.servers": servers, "group.id": group, "auto.offset.reset": "earliest",
             "enable.auto.commit": False, "group.protocol": protocol, "check.crcs": True}
    if protocol == "classic":
        found.update({"session.timeout.ms": 6000, "heartbeat.interval.ms": 500})
    return found


def consume(servers, topic, group, protocol, stdin):
    consumer = Consumer(settings(servers, group, protocol))
    assignment = contract.Assignment()
    consumer.subscribe([topic])
    while not stdin.ended:
        messages = [m for m in consumer.consume(100, POLL_S) if not m.error()]
        for m in messages:
            contract.say_record(m.partition(), m.offset(), m.key(), m.value(), m.headers())
        try:
            assignment.show([p.partition for p in consumer.assignment()])
            if messages:
                consumer.commit(asynchronous=False)
        except KafkaException as error:
            contract.say("note", error)
    consumer.close()


def copy(producer, consumer, target, messages, aborts):
    ends, first = {}, {}
    producer.begin_transaction()
    for m in messages:
        producer.produce(target, key=m.key(), value=m.value())
        ends[m.partition()] = m.offset() + 1
        first.setdefault(m.partition(), m.offset())
    where = [TopicPartition(messages[0].topic(), p, o) for p, o in ends.items()]
    producer.send_offsets_to_transaction(where, consumer.consumer_group_metadata())
    if not aborts:
        producer.commit_transaction()
        contract.say("copied", len(messages))
        return
    producer.produce(target, value="aborted")
    producer.flush()
    producer.abort_transaction()
    for partition, offset in first.items():
        consumer.seek(TopicPartition(messages[0].topic(), partition, offset))
    contract.say("aborted")


def transact(servers, source, target, group, stdin):
    producer = Producer({"bootstrap.servers": servers, "transactional.id": f"copy-{group}"})
    producer.init_transactions()
    consumer = Consumer({**settings(servers, group, "classic"), "isolation.level": "read_committed"})
    consumer.subscribe([source])
    turns = contract.Turns()
    while not stdin.ended:
        messages = [m for m in consumer.consume(10, POLL_S) if not m.error()]
        if messages:
            copy(producer, consumer, target, messages, turns.aborts())
    consumer.close()


contract.main(produce, consume, transact)
