import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Logger } from '../base/log.ts'
import type { RunningBroker, StartOptions } from '../index.ts'
import { DiskError } from '../storage/disk.ts'
import { DirectoryInUseError } from '../storage/disk/directory-in-use-error.ts'
import { StoreVersionError } from '../storage/snapshot.ts'
import { StoreDamage } from '../storage/store-damage.ts'
import { ExitError } from './exit.ts'
import type { ExitCode } from './exit.ts'
import { readInvocation } from './invocation.ts'
import { launch } from './launcher.ts'
import type { Launched } from './launcher.ts'
import { StoreFailedError } from './store-failed.ts'

const machine = { memoryBytes: 1024 ** 3, absolute: (path: string): string => path }

const silent: Logger = {
  debug() {},
  info() {},
  warn() {},
  error() {},
  child: () => silent,
}

/** Launches with a broker that only checks whether it gets its ports; nothing answers when probed. */
async function launchWith(
  args: string[],
  start: (options: StartOptions) => void = () => {},
): Promise<Launched & { readonly options: StartOptions }> {
  const invocation = readInvocation({ args, env: {}, machine })
  let last: StartOptions = {}
  const startBroker = async (options: StartOptions): Promise<RunningBroker> => {
    last = options
    start(options)
    return { addresses: {}, failed: new Promise(() => {}), close: async () => {} }
  }
  const ports = { isTaken: async () => false, ownerOf: async () => 'thief (pid 7)' }
  const launched = await launch(invocation, { startBroker, ports, log: silent })
  return { ...launched, options: last }
}

/** Somebody takes this port between the probe and the bind. */
function steal(stolen: number): (options: StartOptions) => void {
  return ({ amqp, kafka }) => {
    if (amqp?.port !== stolen && kafka?.port !== stolen) return
    throw Object.assign(new Error('listen EADDRINUSE'), { code: 'EADDRINUSE', port: stolen })
  }
}

function withCode(pattern: RegExp, code: ExitCode = 78): (error: unknown) => boolean {
  return (error) => {
    assert.ok(error instanceof ExitError)
    assert.equal(error.code, code)
    assert.match(error.message, pattern)
    return true
  }
}

test('a port lost after it was probed closes its listener as if it had been taken before', async () => {
  const { options, warnings } = await launchWith([], steal(5672))
  assert.equal(options.amqp, undefined)
  assert.equal(options.kafka?.port, 9092)
  assert.match(warnings.join(), /^5672 is in use by thief \(pid 7\): AMQP 0-9-1 listener is off\./)
})

test('a chosen port lost after it was probed ends the start', async () => {
  const start = launchWith(['--amqp-port=5672'], steal(5672))
  await assert.rejects(start, withCode(/^Port 5672 is in use by thief/))
})

test('a broker that cannot have any port is not asked for ever', async () => {
  const refuse = (): never => {
    throw Object.assign(new Error('no port'), { code: 'EADDRINUSE', port: 1 })
  }
  await assert.rejects(launchWith([], refuse), withCode(/no port/))
})

test('a user that the broker refuses ends the start with 78', async () => {
  const refuse = (): never => {
    throw Object.assign(new Error("user refused, too long: 'x'"), { name: 'UserError' })
  }
  await assert.rejects(
    launchWith([], refuse),
    withCode(/^Cannot start: user refused, too long: 'x'\.$/),
  )
})

const data = ['--data=/data']

/** As the broker throws it; only the name is known here, and what it says. */
function named(name: string, message: string, more: object = {}): Error {
  return Object.assign(new Error(message), { name, ...more })
}

test('the broker is told where to keep things, and how safely', async () => {
  const { options } = await launchWith([...data, '--durability=os', '--disk-free-limit=0'])
  assert.deepEqual(options.data, { directory: '/data', durability: 'os', diskFreeBytesMin: 0 })
  assert.equal((await launchWith([])).options.data, undefined)
})

test('a directory that another broker has ends the start with 78 and names that one', async () => {
  const owner = { pid: 812, host: 'mq-1', since: new Date(0) }
  const error = new DirectoryInUseError('/data', owner)
  const refuse = (): never => {
    throw error
  }
  await assert.rejects(
    launchWith(data, refuse),
    withCode(
      /^The data directory \/data is in use by process 812 on mq-1, since .*\. Stop that one/,
    ),
  )
})

test('a directory that cannot be made or written ends the start with 78 and says what helps', async () => {
  const refusals: readonly [string, RegExp][] = [
    [
      'EACCES',
      /^Cannot use \/data: permission denied\. Let the user that runs PolyMQ own it, or use/,
    ],
    ['EROFS', /read-only/],
    ['ENOTDIR', /not a directory/],
    ['ENOSPC', /the disk is full\. Free some/],
  ]
  for (const [code, says] of refusals) {
    const fromDisk = new DiskError(code, { operation: 'makeFolder', file: '' })
    const fromSystem = named('Error', `${code}: mkdir`, { code, path: '/data' })
    for (const error of [fromDisk, fromSystem]) {
      const refuse = (): never => {
        throw error
      }
      await assert.rejects(launchWith(data, refuse), withCode(says), code)
    }
  }
})

test('the same code of a port is told as one', async () => {
  const refuse = (): never => {
    throw named('Error', 'listen EACCES: permission denied 127.0.0.1:80', { code: 'EACCES' })
  }
  await assert.rejects(launchWith(data, refuse), withCode(/^Cannot start: listen EACCES/))
})

test('damage that stops a start exits 74 and says how to learn more', async () => {
  const error = new StoreDamage({
    file: 'journal/slot-01',
    at: 4096,
    reason: 'a checksum is wrong',
  })
  const refuse = (): never => {
    throw error
  }
  await assert.rejects(
    launchWith(data, refuse),
    withCode(
      /^In \/data, journal\/slot-01 is damaged at byte 4096: a checksum is wrong\. polymq repair --dry-run --data \/data says what would be lost\.$/,
      74,
    ),
  )
})

test('a disk that fails during the start exits 74', async () => {
  const error = new DiskError('EIO', { operation: 'read', file: 'snapshot' })
  for (const each of [error, new StoreFailedError('/data', error)]) {
    const refuse = (): never => {
      throw each
    }
    await assert.rejects(launchWith(data, refuse), withCode(/read (of )?snapshot.*EIO/, 74))
  }
})

test('data of a newer version is left alone', async () => {
  const refuse = (): never => {
    throw new StoreVersionError(7)
  }
  await assert.rejects(
    launchWith(data, refuse),
    withCode(
      /^Cannot use \/data: .* format 7, .* written by a newer PolyMQ\. .*nothing was changed\.$/,
    ),
  )
})

test('whether users are in a data directory is the broker’s to find out', async () => {
  const open = ['--host=0.0.0.0', ...data]
  assert.deepEqual((await launchWith(open)).warnings, [])
  const refuse = (): never => {
    throw named('ExposedError', '0.0.0.0 can be reached')
  }
  await assert.rejects(
    launchWith(open, refuse),
    withCode(/^--host 0\.0\.0\.0 lets other machines connect, and \/data holds no user .*--user/),
  )
  const { warnings } = await launchWith([...open, '--insecure'])
  assert.match(warnings.join(), /connect, and nothing checks whether the data directory has a user/)
})

test('a fault of ours stays what it is', async () => {
  const fault = new Error('broken')
  await assert.rejects(
    launchWith([], () => {
      throw fault
    }),
    fault,
  )
})

test('another interface needs a user that not everybody knows, or --insecure, which is told', async () => {
  const open = ['--host=0.0.0.0']
  await assert.rejects(launchWith(open), withCode(/no user is set\. Add --user NAME:PASSWORD/))
  const known = [...open, '--user=guest:guest']
  await assert.rejects(launchWith(known), withCode(/everybody knows the password of guest/))
  assert.deepEqual((await launchWith([...open, '--user=guest:else'])).warnings, [])
  const { warnings } = await launchWith([...open, '--insecure'])
  assert.match(warnings.join(), /^--insecure: 0\.0\.0\.0 lets other machines connect, and no user/)
  const needless = await launchWith(['--insecure'])
  assert.match(needless.warnings.join(), /^--insecure: nothing here needs it/)
})
