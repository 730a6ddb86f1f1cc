import assert from 'node:assert/strict'
import { EventEmitter } from 'node:events'
import { test } from 'node:test'
import { DiskError } from '../storage/disk.ts'
import { createLogger } from './logger.ts'
import { closeOnSignal } from './shutdown.ts'
import { StoreFailedError } from './store-failed.ts'

/** A process that ends in a list, at a time moved by hand. */
class FakeProcess extends EventEmitter {
  readonly exits: number[] = []
  nowMs = 1000

  exit(code: number): void {
    this.exits.push(code)
  }

  signal(name: 'SIGINT' | 'SIGTERM'): void {
    this.emit(name, name)
  }
}

function listen(close: () => Promise<void>): { host: FakeProcess; lines: string[] } {
  const host = new FakeProcess()
  const lines: string[] = []
  const log = createLogger({
    level: 'info',
    format: 'json',
    colour: false,
    now: () => new Date(0),
    write: (line) => lines.push(line),
  })
  closeOnSignal({ host, close, log, nowMs: () => host.nowMs })
  return { host, lines }
}

test('the first signal ends with 0 once the broker has closed', async () => {
  const closing = Promise.withResolvers<void>()
  const { host } = listen(() => closing.promise)
  host.signal('SIGTERM')
  assert.deepEqual(host.exits, [])
  closing.resolve()
  await new Promise(setImmediate)
  assert.deepEqual(host.exits, [0])
})

test('the echo that npm makes of a Ctrl-C is not a second one', () => {
  const { host } = listen(() => new Promise(() => {}))
  host.signal('SIGINT')
  host.nowMs += 50
  host.signal('SIGINT')
  assert.deepEqual(host.exits, [])
})

test('a second Ctrl-C does not wait', () => {
  const { host } = listen(() => new Promise(() => {}))
  host.signal('SIGINT')
  host.nowMs += 1000
  host.signal('SIGINT')
  assert.deepEqual(host.exits, [130])
})

test('a broker that fails to close ends with 70 and says why', async () => {
  const { host, lines } = listen(() => Promise.reject(new Error('broken')))
  host.signal('SIGINT')
  await new Promise(setImmediate)
  assert.deepEqual(host.exits, [70])
  assert.match(lines.at(-1) ?? '', /broken/)
})

test('a disk that fails during the last write ends with 74', async () => {
  const cause = new DiskError('EIO', { operation: 'sync', file: 'journal/slot-00' })
  const { host, lines } = listen(() => Promise.reject(new StoreFailedError('/data', cause)))
  host.signal('SIGTERM')
  await new Promise(setImmediate)
  assert.deepEqual(host.exits, [74])
  assert.match(lines.at(-1) ?? '', /the disk failed at sync of journal\/slot-00 in \/data: EIO/)
})
