import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Logger } from '../base/log.ts'
import type { RunningBroker, StartOptions } from '../index.ts'
import { ExitError } from './exit.ts'
import { launch } from './launcher.ts'
import type { Launched } from './launcher.ts'
import { readInvocation } from './options.ts'

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
  const invocation = readInvocation({ args, env: {}, machine: { memoryBytes: 1024 ** 3 } })
  let last: StartOptions = {}
  const startBroker = async (options: StartOptions): Promise<RunningBroker> => {
    last = options
    start(options)
    return { addresses: {}, close: async () => {} }
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

function withCode(pattern: RegExp): (error: unknown) => boolean {
  return (error) => error instanceof ExitError && error.code === 78 && pattern.test(error.message)
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
