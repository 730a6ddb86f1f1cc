import assert from 'node:assert/strict'
import { test } from 'node:test'
import { SeededRandom } from '../../testing/seeded-random.ts'
import { Double, noArguments, Timestamp, type Arguments, type ArgumentValue } from '../arguments.ts'
import { defaultStreamConfig } from '../stream/stream-config.ts'
import { DeclarationFormatError } from './declaration-error.ts'
import { decodeDeclarations, encodeDeclarations } from './declaration-format.ts'
import type { Declaration } from './declaration.ts'

const id = Buffer.from('000102030405060708090a0b0c0d0e0f', 'hex')

/** A value of each type, and what is hard to say. */
const values: Arguments = new Map<string, ArgumentValue>([
  ['null', null],
  ['no', false],
  ['yes', true],
  ['number', -5],
  ['bigint', -(2n ** 70n)],
  ['text', 'é🐘'],
  ['half', '\ud83d'],
  ['bytes', Buffer.from([0, 255])],
  ['double', new Double(0.5)],
  ['time', new Timestamp(1_700_000_000)],
  ['list', [1, ['x'], new Map([['k', null]])]],
  ['__proto__', new Map<string, ArgumentValue>([['constructor', 1]])],
])

/** One of each kind, as a build of this format's first version wrote it. These bytes are on disks: they never change. */
const feed = {
  kind: 'feed',
  vhost: '/',
  name: 'f',
  stream: 's',
  exchange: 'amq.topic',
  from: 'last',
  cursorIds: [7, 8],
  offsets: [0, 2 ** 40],
} as const

const golden: readonly (readonly [Declaration, string])[] = [
  [
    { kind: 'broker', clusterId: 'c', nextObjectId: 4_000_000_000, nextProducerId: 65_536 },
    '0101000000110000000163ee6b280040f0000000000000',
  ],
  [{ kind: 'virtual-host', name: '/' }, '010200000005000000012f'],
  [
    {
      kind: 'exchange',
      vhost: '/',
      name: 'e',
      type: 'topic',
      autoDelete: true,
      internal: false,
      arguments: new Map([['alternate-exchange', 'a']]),
    },
    '010300000035000000012f000000016500000005746f70696301000000000100000012616c7465726e6174652d65786368616e6765050000000161',
  ],
  [{ kind: 'exchange-gone', vhost: '/', name: 'e' }, '01040000000a000000012f0000000165'],
  [
    {
      kind: 'queue',
      vhost: '/',
      name: 'q',
      objectId: 7,
      durability: 'os',
      autoDelete: false,
      arguments: values,
    },
    '010500000116000000012f000000017100000007000000026f73000000000c000000046e756c6c00000000026e6f010000000379657302000000066e756d62657203c01400000000000000000006626967696e7404000000172d3131383035393136323037313734313133303334323400000004746578740500000006c3a9f09f90980000000468616c6605800000023dd8000000056279746573060000000200ff00000006646f75626c65073fe00000000000000000000474696d650841d954fc40000000000000046c6973740900000003033ff000000000000009000000010500000001780a00000001000000016b00000000095f5f70726f746f5f5f0a000000010000000b636f6e7374727563746f72033ff0000000000000',
  ],
  [
    { kind: 'queue-gone', vhost: '/', name: 'q', objectId: 7 },
    '01060000000e000000012f000000017100000007',
  ],
  [
    {
      kind: 'binding',
      vhost: '/',
      source: 'e',
      destinationKind: 'queue',
      destination: 'q',
      routingKey: 'a.*',
      arguments: noArguments,
    },
    '010700000023000000012f0000000165000000057175657565000000017100000003612e2a00000000',
  ],
  [
    {
      kind: 'binding-gone',
      vhost: '/',
      source: 'e',
      destinationKind: 'exchange',
      destination: 'f',
      routingKey: '',
      arguments: new Map([['x-match', 'any']]),
    },
    '010800000036000000012f00000001650000000865786368616e67650000000166000000000000000100000007782d6d617463680500000003616e79',
  ],
  [
    {
      kind: 'stream',
      vhost: '/',
      name: 's',
      id,
      partitionIds: [8, 9, 10, 20],
      config: { ...defaultStreamConfig, durability: 'sync', timestamps: 'log' },
      settings: new Map([['retention.ms', '-1']]),
    },
    '010900000115000000012f0000000173000102030405060708090a0b0c0d0e0f0000000200000008000000030000001400000001000000080000000e726574656e74696f6e4279746573037ff00000000000000000000b726574656e74696f6e4d730341c20642000000000000000d626174636842797465734d6178034130000c000000000000000a74696d657374616d707305000000036c6f670000001374696d657374616d7041667465724d734d617803414b7740000000000000000c7365676d656e7442797465730341d0000000000000000000097365676d656e744d730341c20642000000000000000a6475726162696c697479050000000473796e63000000010000000c726574656e74696f6e2e6d73000000022d31',
  ],
  [
    { kind: 'stream-gone', vhost: '/', name: 's', id },
    '010a0000001a000000012f0000000173000102030405060708090a0b0c0d0e0f',
  ],
  [
    {
      kind: 'user',
      name: 'ann',
      tags: ['administrator', 'x'],
      vhost: '/',
      loopbackOnly: true,
      credential: '$scrypt$',
    },
    '010b0000003300000003616e6e000000020000000d61646d696e6973747261746f720000000178000000012f01000000082473637279707424',
  ],
  [{ kind: 'user-gone', name: 'ann' }, '010c0000000700000003616e6e'],
  [
    { kind: 'permission', user: 'ann', vhost: '/', configure: '', write: '^a', read: '.*' },
    '010d0000001c00000003616e6e000000012f00000000000000025e61000000022e2a',
  ],
  [{ kind: 'permission-gone', user: 'ann', vhost: '/' }, '010e0000000c00000003616e6e000000012f'],
  [
    {
      kind: 'offset',
      vhost: '/',
      group: 'g',
      stream: id,
      partition: 2,
      offset: 2 ** 40,
      leaderEpoch: -1,
      metadata: 'm',
      committedMs: 1_700_000_000_000.5,
      retentionMs: 1000,
    },
    '010f00000044000000012f0000000167000102030405060708090a0b0c0d0e0f000000024270000000000000bff0000000000000000000016d4278bcfe5680080001408f400000000000',
  ],
  [
    { kind: 'offset-gone', vhost: '/', group: 'g', stream: id, partition: 2 },
    '01100000001e000000012f0000000167000102030405060708090a0b0c0d0e0f00000002',
  ],
  [{ kind: 'group-gone', vhost: '/', group: 'g' }, '01110000000a000000012f0000000167'],
  [
    {
      kind: 'stream-queue',
      vhost: '/',
      name: 's',
      stream: id,
      arguments: new Map([['x-queue-type', 'stream']]),
    },
    '011200000039000000012f0000000173000102030405060708090a0b0c0d0e0f000000010000000c782d71756575652d74797065050000000673747265616d',
  ],
  [
    {
      kind: 'binding',
      vhost: '/',
      source: 'e',
      destinationKind: 'stream',
      destination: 's',
      routingKey: 'k',
      arguments: noArguments,
    },
    '010700000022000000012f00000001650000000673747265616d0000000173000000016b00000000',
  ],
  [
    { ...feed, routingKey: 'k' },
    '01140000004a000000012f0000000166000000017300000009616d712e746f70696301000000016b000000046c6173740000000100000007000000020000000200000000000000004270000000000000',
  ],
  [
    { ...feed, routingKey: null },
    '011400000045000000012f0000000166000000017300000009616d712e746f70696300000000046c6173740000000100000007000000020000000200000000000000004270000000000000',
  ],
  [
    { kind: 'feed-gone', vhost: '/', name: 'f', cursorId: 7 },
    '01150000000e000000012f000000016600000007',
  ],
  [{ kind: 'virtual-host-gone', name: 'v', objectIdsBelow: 42 }, '01160000000900000001760000002a'],
]

function encode(declarations: readonly Declaration[]): Buffer {
  const payloads = encodeDeclarations(declarations)
  assert.equal(payloads.length, 1)
  return payloads[0] as Buffer
}

test('each kind has the bytes that it always had, and they say the same', () => {
  for (const [declaration, bytes] of golden) {
    assert.equal(encode([declaration]).toString('hex'), bytes, declaration.kind)
    assert.deepEqual(decodeDeclarations(Buffer.from(bytes, 'hex')), [declaration])
  }
})

test('a list of them comes back as it was, as does an empty one', () => {
  const list = golden.map(([declaration]) => declaration)
  assert.deepEqual(decodeDeclarations(encode(list)), list)
  assert.deepEqual(decodeDeclarations(encode([])), [])
})

test('what was read shares no bytes with what it was read from', () => {
  const bytes = encode(golden.map(([declaration]) => declaration))
  const read = decodeDeclarations(bytes)
  bytes.fill(0)
  assert.deepEqual(
    read,
    golden.map(([declaration]) => declaration),
  )
})

function randomText(random: SeededRandom): string {
  const units = Array.from({ length: random.integer(0, 12) }, () => random.integer(0, 0xffff))
  return random.chance(0.5) ? `k${random.integer(0, 9)}` : String.fromCharCode(...units)
}

function randomValue(random: SeededRandom, depth: number): ArgumentValue {
  switch (random.integer(0, depth > 4 ? 8 : 10)) {
    case 0:
      return null
    case 1:
      return random.chance(0.5)
    case 2:
      return random.pick([0, -0, -1, 2 ** 53, Infinity, NaN, random.integer(-1000, 1000)])
    case 3:
      return random.pick([0n, -1n, 2n ** 63n, -(2n ** 64n), 12_345n])
    case 4:
      return randomText(random)
    case 5:
      return random.bytes(random.integer(0, 40))
    case 6:
      return new Double(random.pick([0.1, -0, NaN, -Infinity, 5]))
    case 7:
      return new Timestamp(random.pick([0, 1_700_000_000, -1]))
    case 8:
      return random.next()
    case 9:
      return Array.from({ length: random.integer(0, 4) }, () => randomValue(random, depth + 1))
    default:
      return randomTable(random, depth + 1)
  }
}

function randomTable(random: SeededRandom, depth: number): Arguments {
  const table = new Map<string, ArgumentValue>()
  for (let left = random.integer(0, 4); left > 0; left--) {
    table.set(randomText(random), randomValue(random, depth))
  }
  return table
}

function queueWith(given: Arguments, name: string = 'q'): Declaration {
  const rest = { objectId: 1, durability: 'sync', autoDelete: false } as const
  return { kind: 'queue', vhost: '/', name, ...rest, arguments: given }
}

test('every argument comes back as exactly what it was', () => {
  for (let seed = 1; seed <= 3000; seed++) {
    const random = new SeededRandom(seed)
    const declaration = queueWith(randomTable(random, 0), randomText(random))
    assert.deepEqual(decodeDeclarations(encode([declaration])), [declaration], `seed ${seed}`)
  }
})

test('arguments in arguments, deeper than any protocol lets them be, come back', () => {
  let nested: Arguments = noArguments
  for (let depth = 0; depth < 500; depth++) nested = new Map([['', nested]])
  const declaration = queueWith(nested)
  assert.deepEqual(decodeDeclarations(encode([declaration])), [declaration])
})

test('a long list is several payloads, none of which splits a declaration', () => {
  const list = Array.from({ length: 100 }, (_, i) => queueWith(noArguments, `q${i}`))
  list.splice(50, 0, queueWith(noArguments, 'long'.repeat(200)))
  const payloads = encodeDeclarations(list, 300)
  assert.ok(payloads.length > 5)
  const tooLong = payloads.filter((payload) => payload.length > 300)
  assert.equal(tooLong.length, 1)
  assert.deepEqual(payloads.flatMap(decodeDeclarations), list)
})

/** Asserts that these bytes are said to be from a newer version, in a way that helps. */
function isNewer(bytes: Buffer, what: string): void {
  assert.throws(
    () => decodeDeclarations(bytes),
    (error) => {
      assert.ok(error instanceof DeclarationFormatError)
      assert.ok(error.isNewer)
      const text =
        `the data directory was written by a newer PolyMQ: in its declarations is ${what}, ` +
        'which this version does not know. Start that newer version, or a copy of the directory from before it'
      assert.equal(error.message, text)
      return true
    },
  )
}

test('what a newer version wrote is refused by that name', () => {
  isNewer(Buffer.from([2]), 'format 2')
  isNewer(Buffer.from([1, 99, 0, 0, 0, 1, 5]), 'a declaration of kind 99')
  const durability = encode([queueWith(noArguments)])
  durability.write('moon', durability.indexOf('sync'))
  isNewer(durability, "the word 'moon'")
  const value = encode([queueWith(new Map([['k', true]]))])
  value[value.length - 1] = 77
  isNewer(value, 'a value of type 77')
  const config = { ...defaultStreamConfig, segmentMoons: 1 }
  const stream = { kind: 'stream', vhost: '/', name: 's', id, partitionIds: [1] } as const
  isNewer(
    encode([{ ...stream, config, settings: new Map() }]),
    'the setting segmentMoons of a stream',
  )
  const words = { ...defaultStreamConfig, timestamps: 'moon' as 'log' }
  isNewer(
    encode([{ ...stream, config: words, settings: new Map() }]),
    'the setting timestamps of a stream',
  )
})

test('a setting that an older version did not know has its default', () => {
  const { segmentMs, ...older } = defaultStreamConfig
  const stream = { kind: 'stream', vhost: '/', name: 's', id, partitionIds: [1] } as const
  const config = older as typeof defaultStreamConfig
  const [read] = decodeDeclarations(encode([{ ...stream, config, settings: new Map() }]))
  assert.ok(read?.kind === 'stream')
  assert.equal(read.config.segmentMs, segmentMs)
})

/** Whatever the bytes are, they are a list or a DeclarationFormatError. */
function tryDecode(bytes: Buffer): Declaration[] | null {
  try {
    return decodeDeclarations(bytes)
  } catch (error) {
    assert.ok(error instanceof DeclarationFormatError, String(error))
    return null
  }
}

test('every beginning of a list is a shorter list or damage, never anything else', () => {
  const list = golden.map(([declaration]) => declaration)
  const bytes = encode(list)
  let whole = 0
  for (let length = 0; length < bytes.length; length++) {
    const read = tryDecode(Buffer.from(bytes.subarray(0, length)))
    if (read === null) continue
    assert.deepEqual(read, list.slice(0, whole++))
  }
  assert.equal(whole, list.length)
})

test('bytes changed at random are another list or damage, in no time and little memory', () => {
  const bytes = encode(golden.map(([declaration]) => declaration))
  for (let seed = 1; seed <= 5000; seed++) {
    const random = new SeededRandom(seed)
    const changed = Buffer.from(bytes)
    for (let left = random.integer(1, 4); left > 0; left--) {
      changed[random.integer(0, changed.length - 1)] = random.integer(0, 255)
    }
    tryDecode(changed)
  }
})
