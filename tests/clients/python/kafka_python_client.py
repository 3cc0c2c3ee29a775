"""kafka-python, the client written in Python alone."""
from kafka import KafkaConsumer, KafkaProducer
from kafka.structs import OffsetAndMetadata
from kafka.errors import KafkaError

import contract


def produce(servers, topic, codec, numbers):
    producer = KafkaProducer(bootstrap_servers=servers.split(","), acks="all", retries=1000,
                             retry_backoff_ms=50, linger_ms=5, delivery_timeout_ms=120000,
                             compression_type=None if codec == "none" else codec)
    sent = [(n, producer.send(topic, key=contract.key(n), value=contract.value(n),
                              headers=contract.headers(n))) for n in numbers]
    for n, future in sent:
        future.get(timeout=120)
        contract.say("ack", n)
    producer.close()


def consume(servers, topic, group, protocol, stdin):
    consumer = KafkaConsumer(bootstrap_servers=servers.split(","), group_id=group,
                             auto_offset_reset="earliest", enable_auto_commit=False,
                             session_timeout_ms=6000, heartbeat_interval_ms=500,
                             retry_backoff_ms=50, consumer_timeout_ms=100)
    # 3.0.12 as the leader of a group may assign before it knows the topic's partitions, and then
    # never again: its look at the topic comes first here.
    while not stdin.ended and not consumer.partitions_for_topic(topic):
        pass
    consumer.subscribe([topic])
    assignment = contract.Assignment()
    while not stdin.ended:
        try:
            found = consumer.poll(timeout_ms=100)
            for records in found.values():
                for r in records:
                    contract.say_record(r.partition, r.offset, r.key, r.value, r.headers)
            assignment.show([p.partition for p in consumer.assignment()])
            if found:
                consumer.commit()
        except KafkaError as error:
            contract.say("note", repr(error))
    consumer.close(autocommit=False)


def copy(producer, consumer, target, found, aborts):
    producer.begin_transaction()
    for records in found.values():
        for r in records:
            producer.send(target, key=r.key, value=r.value)
    ends = {p: OffsetAndMetadata(records[-1].offset + 1, "", -1) for p, records in found.items()}
    producer.send_offsets_to_transaction(ends, consumer.group_metadata())
    if not aborts:
        producer.commit_transaction()
        contract.say("copied", sum(len(records) for records in found.values()))
        return
    producer.send(target, value=b"aborted").get(timeout=60)
    producer.abort_transaction()
    for partition, records in found.items():
        consumer.seek(partition, records[0].offset)
    contract.say("aborted")


def transact(servers, source, target, group, stdin):
    producer = KafkaProducer(bootstrap_servers=servers.split(","), transactional_id=f"copy-{group}")
    producer.init_transactions()
    consumer = KafkaConsumer(bootstrap_servers=servers.split(","), group_id=group,
                             auto_offset_reset="earliest", enable_auto_commit=False,
                             isolation_level="read_committed", max_poll_records=10)
    while not stdin.ended and not consumer.partitions_for_topic(source):
        pass
    consumer.subscribe([source])
    turns = contract.Turns()
    while not stdin.ended:
        found = consumer.poll(timeout_ms=100)
        if found:
            copy(producer, consumer, target, found, turns.aborts())
    producer.close()
    consumer.close(autocommit=False)


contract.main(produce, consume, transact)
