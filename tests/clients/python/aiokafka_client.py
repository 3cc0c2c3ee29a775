"""aiokafka, the asynchronous client in Python."""
import asyncio

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.errors import KafkaError

import contract


async def produce_all(servers, topic, codec, numbers):
    producer = AIOKafkaProducer(bootstrap_servers=servers, acks="all", enable_idempotence=True,
                                linger_ms=5, retry_backoff_ms=50,
                                compression_type=None if codec == "none" else codec)
    await producer.start()
    try:
        sent = [(n, await producer.send(topic, key=contract.key(n), value=contract.value(n),
                                        headers=contract.headers(n))) for n in numbers]
        for n, future in sent:
            await future
            contract.say("ack", n)
    finally:
        await producer.stop()


async def step(consumer, assignment):
    found = await consumer.getmany(timeout_ms=100)
    for records in found.values():
        for r in records:
            contract.say_record(r.partition, r.offset, r.key, r.value, r.headers)
    assignment.show([p.partition for p in consumer.assignment()])
    if found:
        await consumer.commit()


async def consume_all(servers, topic, group, stdin):
    consumer = AIOKafkaConsumer(topic, bootstrap_servers=servers, group_id=group,
                                auto_offset_reset="earliest", enable_auto_commit=False,
                                session_timeout_ms=6000, heartbeat_interval_ms=500,
                                retry_backoff_ms=50)
    await consumer.start()
    assignment = contract.Assignment()
    while not stdin.ended:
        try:
            await step(consumer, assignment)
        except KafkaError as error:
            contract.say("note", repr(error))
    try:
        await consumer.stop()
    # It has left the group by then; its fetcher throws what befell its last fetch once more, or that
    # it was cancelled while it paused after that.
    except (KafkaError, asyncio.CancelledError) as error:
        contract.say("note", repr(error))


async def copy(producer, consumer, target, group, found, aborts):
    await producer.begin_transaction()
    for records in found.values():
        for r in records:
            await producer.send(target, key=r.key, value=r.value)
    ends = {p: records[-1].offset + 1 for p, records in found.items()}
    await producer.send_offsets_to_transaction(ends, group)
    if not aborts:
        await producer.commit_transaction()
        contract.say("copied", sum(len(records) for records in found.values()))
        return
    await producer.send_and_wait(target, value=b"aborted")
    await producer.abort_transaction()
    for partition, records in found.items():
        consumer.seek(partition, records[0].offset)
    contract.say("aborted")


async def transact_all(servers, source, target, group, stdin):
    producer = AIOKafkaProducer(bootstrap_servers=servers, transactional_id=f"copy-{group}",
                                retry_backoff_ms=50)
    consumer = AIOKafkaConsumer(source, bootstrap_servers=servers, group_id=group,
                                auto_offset_reset="earliest", enable_auto_commit=False,
                                isolation_level="read_committed", max_poll_records=10)
    await producer.start()
    await consumer.start()
    turns = contract.Turns()
    while not stdin.ended:
        found = await consumer.getmany(timeout_ms=100)
        if found:
            await copy(producer, consumer, target, group, found, turns.aborts())
    await producer.stop()
    await consumer.stop()


contract.main(lambda *a: asyncio.run(produce_all(*a)),
              lambda servers, topic, group, protocol, stdin:
              asyncio.run(consume_all(servers, topic, group, stdin)),
              lambda *a: asyncio.run(transact_all(*a)))
