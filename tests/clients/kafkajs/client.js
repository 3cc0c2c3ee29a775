// kafkajs behind the contract of tests/clients. Codecs besides gzip are other packages.
'use strict'

const { Kafka, CompressionTypes, CompressionCodecs, PartitionAssigners, logLevel } = require('kafkajs')
const snappy = require('kafkajs-snappy')
const lz4 = require('lz4js')
const { hash } = require('lz4js/xxh32')
const zstd = require('@bokuweb/zstd-wasm')

const TOMBSTONE_EVERY = 10
const PER_TRANSACTION = 10
const ABORT_EVERY = 3
const PARTITIONS = 4 // of the topic, as the matrix makes it
const CODECS = {
  none: CompressionTypes.None, gzip: CompressionTypes.GZIP, snappy: CompressionTypes.Snappy,
  lz4: CompressionTypes.LZ4, zstd: CompressionTypes.ZSTD
}

CompressionCodecs[CompressionTypes.Snappy] = snappy
// The frame says that its blocks build on each other, which Kafka refuses, as Millrace does. There is
// only one block here, so it may say that they don't.
function independent (frame) {
  const flags = 4
  const checksum = 6
  frame[flags] |= 0x20
  frame[checksum] = hash(0, frame, flags, checksum - flags) >> 8
  return frame
}

CompressionCodecs[CompressionTypes.LZ4] = () => ({
  compress: async encoder => independent(Buffer.from(lz4.compress(encoder.buffer))),
  decompress: async data => Buffer.from(lz4.decompress(data))
})
CompressionCodecs[CompressionTypes.ZSTD] = () => ({
  compress: async encoder => Buffer.from(zstd.compress(encoder.buffer)),
  decompress: async data => Buffer.from(zstd.decompress(data))
})

const say = (...words) => process.stdout.write(words.join(' ') + '\n')
const text = data => (data === null || data === undefined ? 'null' : data.toString())

function value (n) {
  return n % TOMBSTONE_EVERY === TOMBSTONE_EVERY - 1 ? null : `v${n}-` + 'abcde'.repeat(20)
}

function connect (servers) {
  return new Kafka({
    clientId: 'kafkajs-client',
    brokers: servers.split(','),
    logLevel: logLevel.NOTHING,
    retry: { initialRetryTime: 50, maxRetryTime: 500, retries: 1000 }
  })
}

// One send for each partition. When one of a send's brokers dies, kafkajs asks only the brokers that
// have not answered yet; what moved to a broker that has answered is never sent, and told as sent.
async function sendOne (producer, topic, codec, partition, first, count) {
  const messages = []
  for (let n = first; n < first + count; n++) {
    if (n % PARTITIONS !== partition) continue
    messages.push({ partition, key: `k${n}`, value: value(n), headers: { n: String(n) } })
  }
  await producer.send({ topic, acks: -1, compression: CODECS[codec], messages })
}

async function produce (servers, topic, codec, first, count) {
  const producer = connect(servers).producer({ allowAutoTopicCreation: false })
  await producer.connect()
  for (let partition = 0; partition < PARTITIONS; partition++) {
    await sendOne(producer, topic, codec, partition, first, count)
  }
  for (let n = first; n < first + count; n++) say('ack', n)
  await producer.disconnect()
}

function untilStdinEnds () {
  return new Promise(resolve => {
    process.stdin.resume()
    process.stdin.on('end', resolve)
  })
}

async function consume (servers, topic, group) {
  const left = untilStdinEnds()
  const consumer = connect(servers).consumer({
    groupId: group,
    sessionTimeout: 6000,
    heartbeatInterval: 500,
    rebalanceTimeout: 10000,
    maxWaitTimeInMs: 500,
    partitionAssigners: [PartitionAssigners.roundRobin]
  })
  consumer.on(consumer.events.GROUP_JOIN, event => {
    const owned = event.payload.memberAssignment[topic] || []
    say('assigned', [...owned].sort((a, b) => a - b).join(',') || '-')
  })
  consumer.on(consumer.events.REBALANCING, () => say('assigned', '-'))
  consumer.on(consumer.events.CRASH, event => say('note', event.payload.error.message))
  await consumer.connect()
  await consumer.subscribe({ topics: [topic], fromBeginning: true })
  await consumer.run({
    autoCommit: false,
    eachBatchAutoResolve: false,
    eachBatch: async ({ batch, resolveOffset, heartbeat, isStale }) => {
      if (isStale()) return
      for (const m of batch.messages) {
        say('record', batch.partition, m.offset, text(m.key), text(m.value), text(m.headers.n))
        resolveOffset(m.offset)
      }
      try {
        const offset = (BigInt(batch.lastOffset()) + 1n).toString()
        await consumer.commitOffsets([{ topic, partition: batch.partition, offset }])
      } catch (error) {
        say('note', error.message)
      }
      await heartbeat()
    }
  })
  await left
  await consumer.disconnect()
}

// A producer with a transactional id, and a new one in its place when it can't go on.
class Copier {
  constructor (servers, target, group) {
    Object.assign(this, { servers, target, group, producer: null, count: 0 })
  }

  async open () {
    if (this.producer) return
    this.producer = connect(this.servers).producer({
      transactionalId: `copy-${this.group}`, maxInFlightRequests: 1, idempotent: true,
      allowAutoTopicCreation: false
    })
    await this.producer.connect()
  }

  async close () {
    if (this.producer) await this.producer.disconnect()
    this.producer = null
  }

  // Whether the messages, all of one partition, are copied to the same one.
  async copy (topic, partition, messages) {
    await this.open()
    const aborts = ++this.count % ABORT_EVERY === 0
    const transaction = await this.producer.transaction()
    try {
      const copies = messages.map(m => ({ partition, key: m.key, value: m.value }))
      if (aborts) copies.push({ partition, value: 'aborted' })
      await transaction.send({ topic: this.target, acks: -1, messages: copies })
      const offset = (BigInt(messages[messages.length - 1].offset) + 1n).toString()
      await transaction.sendOffsets({
        consumerGroupId: this.group, topics: [{ topic, partitions: [{ partition, offset }] }]
      })
    } catch (error) {
      await transaction.abort()
      throw error
    }
    if (aborts) await transaction.abort()
    else await transaction.commit()
    say(...(aborts ? ['aborted'] : ['copied', messages.length]))
    return !aborts
  }

  async tryCopy (...what) {
    try {
      return await this.copy(...what)
    } catch (error) {
      say('note', error.message)
      await this.close()
      return false
    }
  }
}

async function transact (servers, source, target, group) {
  const left = untilStdinEnds()
  const copier = new Copier(servers, target, group)
  const consumer = connect(servers).consumer({
    groupId: group, sessionTimeout: 6000, heartbeatInterval: 500, maxWaitTimeInMs: 500
  })
  consumer.on(consumer.events.CRASH, event => say('note', event.payload.error.message))
  await consumer.connect()
  await consumer.subscribe({ topics: [source], fromBeginning: true })
  await consumer.run({
    autoCommit: false,
    eachBatchAutoResolve: false,
    eachBatch: async ({ batch, resolveOffset, heartbeat, isStale, isRunning }) => {
      for (let at = 0; at < batch.messages.length && isRunning() && !isStale(); at += PER_TRANSACTION) {
        const messages = batch.messages.slice(at, at + PER_TRANSACTION)
        // What is not resolved is fetched again.
        if (!await copier.tryCopy(batch.topic, batch.partition, messages)) return
        resolveOffset(messages[messages.length - 1].offset)
        await heartbeat()
      }
    }
  })
  await left
  await consumer.disconnect()
  await copier.close()
}

async function main () {
  const [what, servers, topic, ...rest] = process.argv.slice(2)
  await zstd.init()
  if (what === 'produce') {
    let first = Number(rest[1])
    for (const codec of rest[0].split(',')) {
      await produce(servers, topic, codec, first, Number(rest[2]))
      first += Number(rest[2])
    }
  } else if (what === 'transact') {
    await transact(servers, topic, ...rest)
  } else {
    await consume(servers, topic, rest[0])
  }
  say('end')
}

main().then(() => process.exit(0), error => {
  say('error', error.stack)
  process.exit(1)
})
