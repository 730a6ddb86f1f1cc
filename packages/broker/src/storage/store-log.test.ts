import assert from 'node:assert/strict'
import { test } from 'node:test'
import { JournalRig } from '../testing/journal-rig.ts'
import { MemoryLog } from './memory-log.ts'
import { StoreLog } from './store-log.ts'

const BASE = 2 ** 52

async function newLog(): Promise<{ rig: JournalRig; memory: MemoryLog; log: StoreLog }> {
  const rig = await JournalRig.open()
  const memory = new MemoryLog(() => {})
  return { rig, memory, log: new StoreLog(memory, rig.journal, BASE) }
}

function put(log: StoreLog, text: string): number {
  const position = log.reserve(text.length)
  log.buffer.write(text, log.offset)
  return position
}

function textAt(log: StoreLog, position: number): string {
  log.locate(position)
  return log.buffer.toString('utf8', log.offset, log.offset + log.length)
}

test('what it is given itself goes to memory, under positions that no journal has', async () => {
  const { rig, log } = await newLog()
  const first = put(log, 'first')
  const second = put(log, 'second')
  assert.ok(first >= BASE && second > first)
  assert.equal(rig.journal.head, 0)
  assert.deepEqual([textAt(log, first), textAt(log, second)], ['first', 'second'])
})

test('positions of both logs are looked at in any order', async () => {
  const { rig, log } = await newLog()
  const kept = await rig.turn('in the journal')
  const passing = put(log, 'in memory')
  for (let i = 0; i < 3; i++) {
    assert.equal(textAt(log, kept), 'in the journal')
    assert.equal(log.words.buffer, rig.journal.words.buffer)
    assert.equal(log.view.buffer, log.buffer.buffer)
    assert.equal(textAt(log, passing), 'in memory')
    assert.equal(log.words.buffer, log.buffer.buffer)
  }
})

test('where to write is where memory is, also after a look at the journal', async () => {
  const { rig, log } = await newLog()
  const kept = await rig.turn('in the journal')
  textAt(log, kept)
  const passing = put(log, 'written afterwards')
  assert.equal(textAt(log, passing), 'written afterwards')
  assert.equal(textAt(log, kept), 'in the journal')
})

test('holders count in memory only: what the journal has is let go of by nobody', async () => {
  const { rig, memory, log } = await newLog()
  const kept = await rig.turn('in the journal')
  const passing = put(log, 'for two')
  log.hold(passing, 2)
  log.hold(kept, 2)
  log.release(kept)
  log.release(kept)
  log.release(passing)
  assert.equal(textAt(log, passing), 'for two')
  assert.equal(textAt(log, kept), 'in the journal')
  const { bytes } = memory
  for (let i = 0; i < 5000; i++) log.release(put(log, 'x'.repeat(1000)))
  log.release(passing)
  assert.ok(memory.bytes <= bytes + 20 * 1_048_576, 'what was released is used again')
})

test('its size and its limit are those of the memory', async () => {
  const { memory, log } = await newLog()
  log.bytesMax = 123_456
  assert.equal(memory.bytesMax, 123_456)
  assert.equal(log.bytes, memory.bytes)
})
