import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Double, Timestamp, type ArgumentValue } from '../arguments.ts'
import type { MessageView } from '../message.ts'
import { SeededRandom } from '../../testing/seeded-random.ts'
import { recordOfView, viewOfRecord } from './record-view.ts'

function textOf(value: ArgumentValue): string | null {
  const { headers } = recordOfView({ headers: new Map([['h', value]]) }, false)
  return headers[0]?.value?.toString() ?? null
}

test('what JSON has no word for is said as well as may be', () => {
  assert.equal(textOf(2n ** 62n), '4611686018427387904')
  assert.equal(textOf(new Double(NaN)), '"NaN"')
  assert.equal(textOf(new Double(-Infinity)), '"-Infinity"')
  assert.equal(textOf([Buffer.from([0xff, 0])]), '["/wA="]')
  assert.equal(textOf(new Timestamp(5)), '5')
  assert.equal(textOf(new Map([['__proto__', [null, true]]])), '{"__proto__":[null,true]}')
  assert.equal(textOf(null), null)
})

test('a record made of the view of a record has the same view', () => {
  const random = new SeededRandom(4)
  const names = ['type', 'timestamp', 'content-type', 'a', 'x-tombstone', 'exchange', '']
  const someBytes = (): Buffer | null =>
    random.pick([null, random.bytes(3), Buffer.from('text'), Buffer.from('12'), Buffer.alloc(0)])
  for (let round = 0; round < 2000; round++) {
    const headers = Array.from({ length: random.integer(0, 6) }, () => {
      return { key: random.pick(names), value: someBytes() }
    })
    const record = { key: someBytes(), headers, isTombstone: random.chance(0.3) }
    const view = viewOfRecord(record, random.pick([-1, 1_700_000_000_999]))
    const again = viewOfRecord(recordOfView(view, true), -1)
    assert.deepEqual(sorted(again), sorted(view), `seed 4, round ${round}`)
  }
})

/** Headers may change places: a property is written behind them. */
function sorted({ headers, ...rest }: MessageView): unknown {
  return { ...rest, headers: [...headers].toSorted(([a], [b]) => (a < b ? -1 : 1)) }
}

test('a time beyond any second that a number names stays out of the properties', () => {
  const timestamp = (digits: string): number | undefined => {
    const headers = [{ key: 'timestamp', value: Buffer.from(digits) }]
    return viewOfRecord({ key: null, headers, isTombstone: false }, -1).timestamp
  }
  assert.equal(timestamp('999999999999999'), 999_999_999_999_999)
  for (const digits of ['1000000000000000', '', '-1', '1.5', '٣']) {
    assert.equal(timestamp(digits), undefined)
  }
})
