import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DeclaringBroker } from '../../testing/declaring-broker.ts'
import { TestBroker } from '../../testing/test-broker.ts'
import { noArguments, type ArgumentValue } from '../arguments.ts'
import { BrokerError } from '../errors.ts'
import type { QueueTraits } from './declarations.ts'
import type { VirtualHost } from './virtual-host.ts'

const SESSION = 1

function declare(
  vhost: VirtualHost,
  durability: ArgumentValue | undefined,
  traits: Partial<QueueTraits> = {},
): string | undefined {
  const given = durability === undefined ? noArguments : new Map([['x-durability', durability]])
  const asked = { durable: true, autoDelete: false, exclusiveOwner: 0, ...traits }
  return vhost.declareQueue('q', { ...asked, arguments: given }, SESSION).options.durability
}

function refusalOf(work: () => unknown): string {
  try {
    work()
  } catch (error) {
    assert.ok(error instanceof BrokerError, String(error))
    return `${error.code}: ${error.message}`
  }
  return 'not refused'
}

test('a queue is as durable as it says, else as the broker is, else not at all', () => {
  for (const durability of ['sync', 'os', 'memory'] as const) {
    assert.equal(declare(new DeclaringBroker({ durability: 'os' }).vhost, durability), durability)
  }
  assert.equal(declare(new DeclaringBroker({ durability: 'os' }).vhost, undefined), 'os')
  const { vhost } = new DeclaringBroker()
  assert.equal(declare(vhost, undefined, { durable: false }), 'memory')
  assert.equal(declare(new DeclaringBroker().vhost, 'memory', { durable: false }), 'memory')
  assert.equal(declare(new TestBroker().vhost, undefined), 'memory')
  assert.equal(declare(new TestBroker().vhost, 'memory'), 'memory')
})

test('a durability that is none is refused in RabbitMQ’s way', () => {
  const { vhost } = new DeclaringBroker()
  const invalid = `precondition-failed: invalid arg 'x-durability' for queue 'q' in vhost '/': `
  assert.equal(
    refusalOf(() => declare(vhost, 'moon')),
    `${invalid}"unsupported durability 'moon'", expected sync, os, memory`,
  )
  assert.equal(
    refusalOf(() => declare(vhost, 5)),
    `${invalid}{unacceptable_type,signedint}, expected sync, os, memory`,
  )
  assert.equal(vhost.findQueue('q'), undefined)
})

test('a queue that goes with its connection or the process keeps nothing', () => {
  const { vhost } = new DeclaringBroker()
  for (const traits of [{ durable: false }, { exclusiveOwner: SESSION }]) {
    assert.equal(
      refusalOf(() => declare(vhost, 'sync', traits)),
      `precondition-failed: invalid arg 'x-durability' for queue 'q' in vhost '/': ` +
        `"'sync' needs a queue that is durable and not exclusive"`,
    )
  }
})

test('without a data directory nobody is promised one', () => {
  const { vhost } = new TestBroker()
  for (const durability of ['sync', 'os']) {
    assert.equal(
      refusalOf(() => declare(vhost, durability)),
      `precondition-failed: invalid arg 'x-durability' for queue 'q' in vhost '/': ` +
        `"'${durability}' needs a data directory: start the broker with --data DIR"`,
    )
  }
})

test('a queue that is declared again with another durability is refused', () => {
  const { vhost } = new DeclaringBroker()
  declare(vhost, 'os')
  assert.equal(declare(vhost, 'os'), 'os')
  const inequivalent = `precondition-failed: inequivalent arg 'x-durability' for queue 'q' in vhost '/': received `
  assert.equal(
    refusalOf(() => declare(vhost, 'sync')),
    `${inequivalent}'sync' but current is 'os'`,
  )
  assert.equal(
    refusalOf(() => declare(vhost, undefined)),
    `${inequivalent}none but current is the value 'os' of type 'longstr'`,
  )
})

test('who says what a queue is by default says the same', () => {
  const { vhost } = new DeclaringBroker({ durability: 'os' })
  declare(vhost, undefined)
  assert.equal(declare(vhost, 'os'), 'os')
  assert.equal(declare(vhost, undefined), 'os')
  assert.equal(
    refusalOf(() => declare(vhost, 'sync')),
    `precondition-failed: inequivalent arg 'x-durability' for queue 'q' in vhost '/': ` +
      `received 'sync' but current is 'os'`,
  )
})
