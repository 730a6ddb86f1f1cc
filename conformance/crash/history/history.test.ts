import assert from 'node:assert/strict'
import fs from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { MadeHistory } from '../testing/made-history.ts'
import { HistoryWriter } from './history-writer.ts'
import { historyFile, readHistory } from './history.ts'

test('what several processes wrote is read in the order of time', (t) => {
  const directory = fs.mkdtempSync(join(tmpdir(), 'polymq-history-'))
  t.after(() => fs.rmSync(directory, { recursive: true }))
  const originNs = String(process.hrtime.bigint())
  const [a, b] = ['a', 'b'].map((proc) => {
    return new HistoryWriter({ path: historyFile(directory, proc), proc, originNs })
  }) as [HistoryWriter, HistoryWriter]
  for (const writer of [a, b, b, a]) writer.log('fail', { f: 'fault', by: 'client', err: 'x' })
  a.close()
  b.close()
  b.log('fail', { f: 'fault', by: 'client', err: 'nobody listens any more' })
  const { events } = readHistory(directory)
  assert.deepEqual(
    events.map(({ proc }) => proc),
    ['a', 'b', 'b', 'a'],
  )
})

test('a connection belongs to the broker that ran when it was asked for', () => {
  const made = new MadeHistory().connect('a').crash().connect('b')
  made.disconnect('a', 'info').disconnect('b').crash(2)
  const { lives } = made.build()
  assert.deepEqual([lives.of('a').epoch, lives.of('a').endedBy], [0, 'crash'])
  assert.deepEqual([lives.of('b').epoch, lives.of('b').endedBy], [1, 'client'])
  assert.equal(lives.of('a').endAt, lives.crashes[0]?.at)
  assert.equal(lives.crashAfter('b'), lives.crashes[1]?.at)
})

test('a connection that ends without a crash was ended by one of the two', () => {
  const made = new MadeHistory().connect('a', 'b').disconnect('a').disconnect('b', 'info')
  const { lives } = made.build()
  assert.deepEqual([lives.of('a').endedBy, lives.of('b').endedBy], ['client', 'broker'])
})

test('a value is refused only if every attempt was', () => {
  const made = new MadeHistory()
    .publish('w-0', ['q'], { answer: 'fail' })
    .publish('w-1', ['q'], { answer: 'fail' })
    .publish('w-1', ['q'], { answer: 'invoke' })
  const { publications } = made.build()
  assert.equal(publications.get('w-0')?.isRefused, true)
  assert.equal(publications.get('w-1')?.isRefused, false)
  assert.deepEqual(publications.get('w-1')?.attemptsAt.length, 2)
})
