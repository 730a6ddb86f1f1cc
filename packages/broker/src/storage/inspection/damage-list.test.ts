import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DamageList, type DamagePlace, type Holder } from './damage-list.ts'

const chunk: DamagePlace = {
  part: 'keep file chunk',
  file: 'keep/0000000000000001',
  position: 48,
  reason: 'the checksum of a chunk is wrong',
}

function holderOf(object: number): Holder | null {
  if (object > 10) return null
  return { kind: 'queue', vhost: '/', name: `q${object}`, partition: null }
}

test('what several have lost at one place is one damage, and what one has lost is added up', () => {
  const list = new DamageList()
  list.add(chunk)?.lose(1, { messages: 2, bytes: 30 })
  list.add(chunk)?.lose(2, { messages: 1, bytes: null })
  list.add(chunk)?.lose(1, { messages: 5, bytes: 70 })
  list.add(chunk)?.lose(2, { messages: 1, bytes: 10 })
  const { damages } = list.report('/data', holderOf)
  assert.equal(damages.length, 1)
  assert.deepEqual(
    damages[0]?.losses.map(({ name, messages, bytes }) => [name, messages, bytes]),
    [
      ['q1', 7, 100],
      // Something unknown makes the sum unknown.
      ['q2', 2, null],
    ],
  )
})

test('a damage whose holders are all gone is none, unless it matters by itself', () => {
  const list = new DamageList()
  list.add(chunk)?.lose(11, { messages: 2, bytes: 30 })
  list
    .add({ ...chunk, position: 4096 }, { mattersAlone: true })
    ?.lose(12, { messages: 1, bytes: 1 })
  const declared = list.add({ ...chunk, position: 8192 })
  declared?.matters('something was declared in it')
  declared?.matters('told once')
  assert.deepEqual(
    list
      .report('/data', holderOf)
      .damages.map(({ position, reason, losses }) => [position, reason, losses]),
    [
      [4096, chunk.reason, []],
      [8192, `${chunk.reason}; something was declared in it`, []],
    ],
  )
})

test('damages are told in the order of files and places', () => {
  const list = new DamageList()
  for (const [file, position] of [
    ['streams/7/0', 5],
    ['keep/1', 900],
    ['keep/1', 80],
    ['journal/slot-00', 0],
  ] as const) {
    list.add({ ...chunk, file, position })?.lose(1, { messages: 1, bytes: 1 })
  }
  assert.deepEqual(
    list.report('/data', holderOf).damages.map(({ file, position }) => `${file} ${position}`),
    ['journal/slot-00 0', 'keep/1 80', 'keep/1 900', 'streams/7/0 5'],
  )
})
