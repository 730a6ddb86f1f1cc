import assert from 'node:assert/strict'
import { spawn, type ChildProcessByStdio } from 'node:child_process'
import { once } from 'node:events'
import fs from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { createInterface, type Interface } from 'node:readline'
import type { Readable, Writable } from 'node:stream'
import { test, type TestContext } from 'node:test'
import { fileURLToPath } from 'node:url'
import { eventually } from '../../testing/eventually.ts'
import type { LockRequest } from '../../testing/lock-starter.ts'
import { undoAfter } from '../../testing/undo-after.ts'
import { DirectoryInUseError } from './directory-in-use-error.ts'
import { lockDirectory, type DirectoryLock, type LockOptions } from './directory-lock.ts'
import { limits } from './limits.ts'
import { encodeRecord, type LockRecord } from './lock-record.ts'
import { thisProcess } from './process-identity.ts'

const isLinux = process.platform === 'linux'
const starterPath = fileURLToPath(new URL('../../testing/lock-starter.ts', import.meta.url))
const self = thisProcess()
/** Somebody of another container on this machine. */
const elsewhere = { pidNamespace: 'pid:[1]', networkNamespace: 'net:[1]' }
/** Both ways: with the kernel's help, and by the records alone as on other systems. */
const ways = isLinux ? [true, false] : [false]

function newDirectory(t: TestContext): string {
  const directory = fs.mkdtempSync(join(tmpdir(), 'polymq-lock-'))
  undoAfter(t, () => fs.rmSync(directory, { recursive: true, force: true }))
  return directory
}

/** A process of its own that wants directories. */
class StarterProcess {
  readonly #child: ChildProcessByStdio<Writable, Readable, null>
  readonly #lines: AsyncIterator<string>
  readonly pid: number

  private constructor(child: ChildProcessByStdio<Writable, Readable, null>, lines: Interface) {
    this.#child = child
    this.#lines = lines[Symbol.asyncIterator]()
    this.pid = child.pid as number
  }

  static async start(t: TestContext): Promise<StarterProcess> {
    const child = spawn(process.execPath, [starterPath], { stdio: ['pipe', 'pipe', 'inherit'] })
    const starter = new StarterProcess(child, createInterface({ input: child.stdout }))
    undoAfter(t, () => starter.kill())
    assert.equal(await starter.#nextLine(), 'ready')
    return starter
  }

  ask(request: LockRequest): Promise<string> {
    this.#child.stdin.write(`${JSON.stringify(request)}\n`)
    return this.#nextLine()
  }

  /** Returns when the process is gone. */
  async kill(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return
    this.#child.kill('SIGKILL')
    await once(this.#child, 'exit')
  }

  async #nextLine(): Promise<string> {
    const next = await this.#lines.next()
    return next.done === true ? 'the process is gone' : next.value
  }
}

/** A clock that moves by as much as somebody waits. */
class WaitingClock {
  #nowMs: number = 0

  nowMs(): number {
    return this.#nowMs
  }

  pause(ms: number): Promise<void> {
    this.#nowMs += ms
    return new Promise((resolve) => setImmediate(resolve))
  }
}

async function lock(
  t: TestContext,
  directory: string,
  options: Partial<LockOptions> = {},
): Promise<DirectoryLock> {
  const held = await lockDirectory(directory, { lost: () => {}, ...options })
  let isReleased = false
  const release = async (): Promise<void> => {
    if (!isReleased) await held.release()
    isReleased = true
  }
  undoAfter(t, release)
  return { release }
}

/** Writes the record of somebody who is not there. */
function leaveRecord(
  directory: string,
  record: Partial<LockRecord>,
  { ageMs = 0 }: { readonly ageMs?: number } = {},
): string {
  const whole: LockRecord = {
    ...self,
    state: 'owner',
    since: 1_700_000_000_000,
    renewals: 5,
    holdsName: false,
    hasSocket: false,
    ...record,
  }
  fs.mkdirSync(`${directory}/lock`, { recursive: true })
  const path = `${directory}/lock/0123456789abcdef`
  fs.writeFileSync(path, encodeRecord(whole))
  const modified = new Date(Date.now() - ageMs)
  fs.utimesSync(path, modified, modified)
  return path
}

function recordsIn(directory: string): string[] {
  return fs.readdirSync(`${directory}/lock`).filter((name) => !name.includes('.'))
}

for (const usesKernel of ways) {
  const how = usesKernel ? 'with the help of the kernel' : 'by records alone'

  test(`a second process is refused, ${how}, and told who was first`, async (t) => {
    const directory = newDirectory(t)
    const first = await StarterProcess.start(t)
    assert.equal(await first.ask({ directory, usesKernel }), 'owner')
    const clock = new WaitingClock()
    await assert.rejects(lock(t, directory, { usesKernel, clock }), (error) => {
      assert.ok(error instanceof DirectoryInUseError)
      assert.equal(error.directory, directory)
      assert.equal(error.owner?.pid, first.pid)
      assert.ok(Math.abs(Date.now() - (error.owner?.since.getTime() ?? 0)) < 60_000)
      assert.match(error.message, new RegExp(`in use by process ${first.pid}`))
      return true
    })
    assert.equal(recordsIn(directory).length, 1)
  })

  test(`a killed owner is followed at once, ${how}`, { skip: !isLinux }, async (t) => {
    const directory = newDirectory(t)
    for (let round = 0; round < 3; round++) {
      const owner = await StarterProcess.start(t)
      assert.equal(await owner.ask({ directory, usesKernel }), 'owner')
      await owner.kill()
      const clock = new WaitingClock()
      const next = await lock(t, directory, { usesKernel, clock })
      assert.equal(clock.nowMs(), 0, 'it had to wait')
      assert.equal(recordsIn(directory).length, 1, 'what the dead has left is gone')
      await next.release()
    }
  })

  test(`two brokers of one process cannot both have a directory, ${how}`, async (t) => {
    const directory = newDirectory(t)
    const first = await lock(t, directory, { usesKernel })
    const clock = new WaitingClock()
    await assert.rejects(lock(t, directory, { usesKernel, clock }), {
      name: 'DirectoryInUseError',
      ownerDescription: new RegExp(`^process ${process.pid}\\b`),
    })
    await first.release()
    await lock(t, directory, { usesKernel })
  })

  test(`a directory is the same by whatever link, ${how}`, async (t) => {
    const directory = newDirectory(t)
    const link = `${directory}-link`
    fs.symlinkSync(directory, link)
    undoAfter(t, () => fs.rmSync(link))
    await lock(t, directory, { usesKernel })
    const clock = new WaitingClock()
    await assert.rejects(lock(t, link, { usesKernel, clock }), DirectoryInUseError)
  })
}

test('of twenty processes that find a stale lock at the same time, one wins', async (t) => {
  const starters = await Promise.all(Array.from({ length: 20 }, () => StarterProcess.start(t)))
  for (const usesKernel of [...ways, false]) {
    const directory = newDirectory(t)
    leaveRecord(directory, { startedAt: '1', pid: 2 ** 22 + 1, holdsName: usesKernel })
    const answers = await Promise.all(starters.map((each) => each.ask({ directory, usesKernel })))
    const winners = answers.filter((answer) => answer === 'owner')
    const losers = answers.filter((answer) => answer.startsWith('in use by process '))
    assert.deepEqual([winners.length, losers.length], [1, 19], answers.join('\n'))
    assert.equal(recordsIn(directory).length, 1)
  }
})

test('of many in one process that start at the same time, one wins', async (t) => {
  for (let round = 0; round < 20; round++) {
    const directory = newDirectory(t)
    leaveRecord(directory, { startedAt: '1', pid: 2 ** 22 + 1 })
    const clock = new WaitingClock()
    const all = Array.from({ length: 5 }, () => lock(t, directory, { usesKernel: false, clock }))
    const results = await Promise.allSettled(all)
    assert.equal(results.filter(({ status }) => status === 'fulfilled').length, 1)
  }
})

test(
  'a process that listens beside its record lives, though it is of another container',
  { skip: !isLinux },
  async (t) => {
    const directory = newDirectory(t)
    const first = await StarterProcess.start(t)
    assert.equal(await first.ask({ directory, self: elsewhere }), 'owner')
    // The name in the other container's name space is not ours to see.
    await assert.rejects(
      lock(t, directory, { usesKernel: true, clock: new WaitingClock() }),
      DirectoryInUseError,
    )
  },
)

test(
  'one of another container that was stopped has its directory still',
  { skip: !isLinux },
  async (t) => {
    const directory = newDirectory(t)
    const first = await StarterProcess.start(t)
    // Without the name, as though it were in the other container's name space.
    assert.equal(await first.ask({ directory, usesKernel: true, self: elsewhere }), 'owner')
    process.kill(first.pid, 'SIGSTOP')
    const clock = new WaitingClock()
    await assert.rejects(lock(t, directory, { usesKernel: true, clock }), DirectoryInUseError)
    process.kill(first.pid, 'SIGCONT')
  },
)

test('a killed process of another container is followed at once', { skip: !isLinux }, async (t) => {
  const directory = newDirectory(t)
  const first = await StarterProcess.start(t)
  assert.equal(await first.ask({ directory, self: elsewhere }), 'owner')
  await first.kill()
  const clock = new WaitingClock()
  await lock(t, directory, { clock })
  assert.equal(clock.nowMs(), 0, 'it had to wait')
})

test(
  'a container that shares our network is followed at once, too, where there are no sockets',
  { skip: !isLinux },
  async (t) => {
    const directory = newDirectory(t)
    leaveRecord(directory, { pidNamespace: 'pid:[1]', holdsName: true })
    const clock = new WaitingClock()
    await lock(t, directory, { clock })
    assert.equal(clock.nowMs(), 0, 'it had to wait')
  },
)

for (const other of [{ bootId: 'another' }, { pidNamespace: 'pid:[1]' }]) {
  const who = Object.keys(other).join()

  test(`a record of another ${who} that was just renewed holds, until it is not renewed for 5 s`, async (t) => {
    const directory = newDirectory(t)
    leaveRecord(directory, other)
    const clock = new WaitingClock()
    await lock(t, directory, { usesKernel: false, clock })
    assert.ok(clock.nowMs() >= limits.lockQuietMs, `after ${clock.nowMs()} ms`)
  })

  test(`a record of another ${who} that has not been renewed for 5 s is stale at once`, async (t) => {
    const directory = newDirectory(t)
    leaveRecord(directory, other, { ageMs: limits.lockQuietMs + 1000 })
    const clock = new WaitingClock()
    await lock(t, directory, { usesKernel: false, clock })
    assert.equal(clock.nowMs(), 0, 'it had to wait')
  })

  test(`a record of another ${who} that is renewed is an owner's`, async (t) => {
    const directory = newDirectory(t)
    const path = leaveRecord(directory, { ...other, pid: 77, host: 'mq-1' })
    let renewals = 5
    const clock = new WaitingClock()
    const pause = clock.pause.bind(clock)
    clock.pause = (ms) => {
      const record = { ...self, ...other, pid: 77, host: 'mq-1', state: 'owner' as const }
      const rest = { since: 1, renewals: ++renewals, holdsName: false, hasSocket: false }
      fs.writeFileSync(path, encodeRecord({ ...record, ...rest }))
      return pause(ms)
    }
    await assert.rejects(lock(t, directory, { usesKernel: false, clock }), {
      ownerDescription: /^process 77 on mq-1, since 1970-01-01T00:00:00/,
    })
    assert.ok(clock.nowMs() < limits.lockQuietMs)
  })
}

test('where a process cannot be told from a later one of its number, its record is watched', async (t) => {
  const directory = newDirectory(t)
  const bare = { ...self, startedAt: '' }
  // Old, but the machine may have slept: that alone does not make it stale.
  leaveRecord(directory, bare, { ageMs: 3_600_000 })
  const clock = new WaitingClock()
  await lock(t, directory, { usesKernel: false, self: bare, clock })
  assert.ok(clock.nowMs() >= limits.lockQuietMs)
})

test('a record that is no record yet holds for as long as one that is not renewed', async (t) => {
  const directory = newDirectory(t)
  const path = leaveRecord(directory, {})
  fs.truncateSync(path, 0)
  const clock = new WaitingClock()
  await lock(t, directory, { usesKernel: false, clock })
  assert.ok(clock.nowMs() >= limits.lockQuietMs)
})

test('an owner renews its record', async (t) => {
  const directory = newDirectory(t)
  await lock(t, directory)
  const path = `${directory}/lock/${recordsIn(directory)[0]}`
  const before = fs.readFileSync(path, 'utf8')
  await eventually(() => fs.readFileSync(path, 'utf8') !== before, 'another record')
})

test('an owner whose record was removed hears that it may not be the only one', async (t) => {
  const directory = newDirectory(t)
  let isLost = false
  await lock(t, directory, { lost: () => (isLost = true) })
  fs.rmSync(`${directory}/lock/${recordsIn(directory)[0]}`)
  await eventually(() => isLost, 'word of the loss')
})

test('a released directory has no traces of its owner', async (t) => {
  const directory = newDirectory(t)
  const held = await lock(t, directory)
  await held.release()
  assert.deepEqual(fs.readdirSync(`${directory}/lock`), [])
})

test(
  'a data directory with a long name has a lock like any other',
  { skip: !isLinux },
  async (t) => {
    const directory = join(newDirectory(t), 'x'.repeat(200))
    fs.mkdirSync(directory)
    const first = await StarterProcess.start(t)
    assert.equal(await first.ask({ directory, self: elsewhere }), 'owner')
    await first.kill()
    const clock = new WaitingClock()
    await lock(t, directory, { clock })
    assert.equal(clock.nowMs(), 0, 'there was no socket')
  },
)
