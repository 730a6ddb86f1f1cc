/** kcat: producing, consuming and asking, without groups. */
import assert from 'node:assert/strict'
import type { Case, CaseContext, Suite } from '../case.ts'
import { consume, createTopic, kcat, numbered, produce } from './kcat-support.ts'

const MANY = 20_000

interface Listing {
  readonly brokers: readonly { readonly id: number; readonly name: string }[]
  readonly topics: readonly { readonly topic: string; readonly partitions: readonly unknown[] }[]
}

async function list(context: CaseContext, args: readonly string[] = []): Promise<Listing> {
  const { stdout } = await context.run(kcat(context, ['-L', '-J', ...args]))
  return JSON.parse(stdout) as Listing
}

const asking: readonly Case[] = [
  {
    name: '-L lists the one broker, where it was reached, and the topics',
    run: async (context) => {
      const topic = await createTopic(context, 3)
      const { brokers, topics } = await list(context)
      assert.equal(brokers.length, 1)
      assert.match(brokers[0]?.name ?? '', new RegExp(`:${context.broker.kafka.split(':')[1]}$`))
      const partitions = topics.find((each) => each.topic === topic)?.partitions
      assert.equal(partitions?.length, 3)
    },
  },
  {
    name: '-Q finds the offset of a time, and the ends',
    run: async (context) => {
      const topic = await createTopic(context, 1)
      await produce(context, topic, ['before'])
      const [time] = await consume(context, topic, ['-f', '%T\n'])
      await produce(context, topic, ['after'])
      const query = async (timestamp: string): Promise<string> => {
        const { stdout } = await context.run(kcat(context, ['-Q', '-t', `${topic}:0:${timestamp}`]))
        return stdout.trim()
      }
      assert.equal(await query(time ?? ''), `${topic} [0] offset 0`)
      assert.equal(await query(String(Number(time) + 1)), `${topic} [0] offset 1`)
      assert.equal(await query('-2'), `${topic} [0] offset 0`)
      assert.equal(await query('-1'), `${topic} [0] offset 2`)
    },
  },
  {
    name: 'reading a topic that is not there is an error, and does not make it',
    run: async (context) => {
      const topic = context.unique('unknown')
      const args = ['-C', '-e', '-t', topic]
      const { stderr } = await context.run(kcat(context, args, { exits: 'failure' }))
      assert.match(stderr, /Unknown topic or partition/)
      const { topics } = await list(context)
      assert.equal(
        topics.some((each) => each.topic === topic),
        false,
      )
    },
  },
  {
    name: 'writing to a topic that is not there makes it',
    run: async (context) => {
      const topic = context.unique('new')
      await produce(context, topic, ['first'])
      assert.deepEqual(await consume(context, topic), ['first'])
    },
  },
]

const records: readonly Case[] = [
  {
    name: 'lines come back in order, with key, headers and offset',
    run: async (context) => {
      const topic = context.unique('kcat')
      const args = ['-K', ':', '-H', 'colour=red', '-H', 'größe=5']
      await produce(context, topic, ['k1:one', 'k2:two', 'k1:drei – 三'], args)
      assert.deepEqual(await consume(context, topic, ['-f', '%o %k %s %h\n']), [
        '0 k1 one colour=red,größe=5',
        '1 k2 two colour=red,größe=5',
        '2 k1 drei – 三 colour=red,größe=5',
      ])
    },
  },
  {
    name: 'null and empty values stay apart',
    run: async (context) => {
      const topic = context.unique('kcat')
      await produce(context, topic, ['k:'], ['-K', ':', '-Z'])
      await produce(context, topic, ['k:'], ['-K', ':'])
      const lengths = await consume(context, topic, ['-f', '%K %S\n'])
      assert.deepEqual(lengths, ['1 -1', '1 0'])
    },
  },
  {
    name: '-o takes the beginning, an offset, so many before the end; -c stops',
    run: async (context) => {
      const topic = context.unique('kcat')
      await produce(context, topic, numbered('record', 10))
      assert.deepEqual(await consume(context, topic, ['-o', 'beginning', '-c', '1']), ['record 0'])
      assert.deepEqual(await consume(context, topic, ['-o', '8']), ['record 8', 'record 9'])
      assert.deepEqual(await consume(context, topic, ['-o', '-3', '-c', '1']), ['record 7'])
      assert.deepEqual(await consume(context, topic, ['-o', 'end']), [])
      assert.equal((await consume(context, topic)).length, 10)
    },
  },
  {
    name: 'a consumer at the end gets what is written after it came',
    run: async (context) => {
      const topic = context.unique('kcat')
      await produce(context, topic, ['old'])
      const consumer = context.start(
        kcat(context, ['-C', '-u', '-o', 'end', '-c', '2', '-t', topic]),
      )
      await consumer.until('it is at the end', ({ stderr }) => stderr.includes('Reached end'))
      await produce(context, topic, ['new', 'newer'])
      assert.equal((await consumer.ended).stdout, 'new\nnewer\n')
    },
  },
  {
    name: '-p writes to one partition and reads from one',
    run: async (context) => {
      const topic = await createTopic(context, 3)
      await produce(context, topic, ['two'], ['-p', '2'])
      await produce(context, topic, ['zero'], ['-p', '0'])
      assert.deepEqual(await consume(context, topic, ['-p', '2', '-f', '%p %o %s\n']), ['2 0 two'])
      assert.deepEqual(await consume(context, topic, ['-p', '1']), [])
      assert.deepEqual([...(await consume(context, topic))].sort(), ['two', 'zero'])
    },
  },
  ...['gzip', 'snappy', 'lz4', 'zstd'].map((codec) => ({
    name: `-z ${codec}: what is compressed is read as it was`,
    run: async (context: CaseContext) => {
      const topic = context.unique('kcat')
      const lines = numbered('a line that compresses rather well, well, well', 1000)
      await produce(context, topic, lines, ['-z', codec])
      assert.deepEqual(await consume(context, topic), lines)
    },
  })),
]

const acks: readonly Case[] = [
  ...['0', '1', '-1'].map((value) => ({
    name: `acks=${value}: each of 20,000 records is there once, in order`,
    deadlineMs: 40_000,
    run: async (context: CaseContext) => {
      const topic = context.unique('kcat')
      const lines = numbered('record', MANY)
      await produce(context, topic, lines, ['-X', `acks=${value}`])
      assert.deepEqual(await consume(context, topic), lines)
    },
  })),
  {
    name: 'an idempotent producer writes each of 20,000 records once, in order',
    deadlineMs: 40_000,
    run: async (context) => {
      const topic = context.unique('kcat')
      const lines = numbered('record', MANY)
      const settings = ['-X', 'enable.idempotence=true', '-X', 'batch.num.messages=100']
      await produce(context, topic, lines, settings)
      assert.deepEqual(await consume(context, topic), lines)
    },
  },
  {
    name: 'a record just under the limit passes, one above it is refused',
    run: async (context) => {
      const topic = context.unique('kcat')
      const args = ['-X', 'message.max.bytes=4000000']
      // Kafka's limit, 1,048,588 bytes, is for the batch with its head of 61 and the record's own.
      await produce(context, topic, ['x'.repeat(1_048_500)], args)
      const { stderr } = await context.run(
        kcat(context, ['-P', '-t', topic, ...args], {
          input: 'y'.repeat(1_048_600),
          exits: 'failure',
        }),
      )
      assert.match(stderr, /Message size too large/)
      await produce(context, topic, ['after'])
      assert.deepEqual(await consume(context, topic, ['-f', '%o %S\n']), ['0 1048500', '1 5'])
    },
  },
]

export const kcatSuite: Suite = {
  name: 'kcat',
  needs: ['kcat'],
  cases: [...asking, ...records, ...acks],
}
