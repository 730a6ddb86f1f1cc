import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DiskError } from '../storage/disk.ts'
import { createLogger } from './logger.ts'
import { StoreFailedError } from './store-failed.ts'
import { closeStore, closeWhenFailed } from './store.ts'
import type { Store } from './store.ts'

const disk = new DiskError('EIO', { operation: 'sync', file: 'journal/slot-03' })

function storeWith(parts: Partial<Store>): Store {
  return {
    directory: '/data',
    failed: new Promise(() => {}),
    close: async () => {},
    ...parts,
  }
}

function recorder(): { lines: string[]; log: ReturnType<typeof createLogger> } {
  const lines: string[] = []
  const write = (line: string): unknown => lines.push(line)
  const now = (): Date => new Date(0)
  return {
    lines,
    log: createLogger({ level: 'info', format: 'pretty', colour: false, now, write }),
  }
}

function isStoreFailure(error: unknown): boolean {
  assert.ok(error instanceof StoreFailedError)
  assert.equal(error.message, 'the disk failed at sync of journal/slot-03 in /data: EIO')
  assert.equal(error.cause, disk)
  return true
}

test('a disk that fails has the broker closed before anybody is told', async () => {
  const { lines, log } = recorder()
  const closing = Promise.withResolvers<void>()
  let isTold = false
  const failed = closeWhenFailed(storeWith({ failed: Promise.resolve(disk) }), {
    close: () => closing.promise,
    log,
  })
  failed.catch(() => (isTold = true))
  await new Promise(setImmediate)
  assert.equal(isTold, false)
  assert.match(
    lines.join(''),
    /error the disk failed; closing data=\/data operation=sync file=journal\/slot-03/,
  )
  closing.resolve()
  await assert.rejects(failed, isStoreFailure)
})

test('a broker that cannot close any more is told of all the same', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] })
  const { log } = recorder()
  const store = storeWith({ failed: Promise.resolve(disk) })
  const failed = closeWhenFailed(store, { close: () => new Promise(() => {}), log })
  await new Promise(setImmediate)
  t.mock.timers.tick(2000)
  await assert.rejects(failed, isStoreFailure)
  const close = (): Promise<void> => Promise.reject(new Error('closed badly'))
  await assert.rejects(closeWhenFailed(store, { close, log }), isStoreFailure)
})

test('a last write that fails is a failure of the disk, another error stays what it is', async () => {
  const { log } = recorder()
  const broken = new Error('broken')
  await assert.rejects(
    closeStore(storeWith({ close: () => Promise.reject(disk) }), log),
    isStoreFailure,
  )
  await assert.rejects(closeStore(storeWith({ close: () => Promise.reject(broken) }), log), broken)
})

test('closing after the disk has failed is no orderly end', async () => {
  const store = storeWith({ failed: Promise.resolve(disk) })
  await assert.rejects(closeStore(store, recorder().log), isStoreFailure)
  await closeStore(storeWith({}), recorder().log)
})

test('closing that takes long says what it waits for, and that nobody has to', async (t) => {
  t.mock.timers.enable({ apis: ['setInterval'] })
  const { lines, log } = recorder()
  const writing = Promise.withResolvers<void>()
  const closed = closeStore(storeWith({ close: () => writing.promise }), log)
  t.mock.timers.tick(2999)
  assert.deepEqual(lines, [])
  t.mock.timers.tick(3001)
  assert.equal(lines.length, 2)
  assert.match(lines[0]!, /still writing to the data directory; .*recovers it data=\/data/)
  writing.resolve()
  await closed
  t.mock.timers.tick(10_000)
  assert.equal(lines.length, 2)
})
