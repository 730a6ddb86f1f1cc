/** What is declared is there once a broker has started; what is there otherwise is told, and not changed. */
import assert from 'node:assert/strict'
import { rmSync } from 'node:fs'
import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import type { Broker } from '../../core/broker.ts'
import { startBroker, type Declarations, type RunningBroker } from '../../index.ts'
import { coreOf } from '../core-of.ts'
import { DeclarationError } from './declarations.ts'

const amqp = { port: 0 }

async function start(
  t: TestContext,
  declarations: Declarations,
  directory?: string,
): Promise<{ readonly broker: RunningBroker; readonly core: Broker }> {
  const data = directory === undefined ? undefined : { directory }
  const broker = await startBroker({ amqp, data, declarations })
  t.after(() => broker.close())
  return { broker, core: coreOf(broker) }
}

/** Gone when this process is: what a test registers runs in order, and a broker must have ended before its data goes. */
async function newDirectory(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'polymq-declarations-'))
  process.once('exit', () => rmSync(directory, { recursive: true, force: true }))
  return directory
}

const shop: Declarations = {
  vhosts: [{ name: 'shop' }],
  users: [
    {
      name: 'ann',
      password: 'secret',
      tags: ['monitoring'],
      permissions: [{ vhost: 'shop', write: 'orders.*' }],
    },
  ],
  exchanges: [
    { name: 'orders', type: 'topic' },
    { name: 'rest', type: 'fanout', internal: true, arguments: { 'alternate-exchange': 'orders' } },
  ],
  queues: [
    { name: 'billing', arguments: { 'x-note': [1, 2.5, { deep: true }] } },
    { name: 'billing', vhost: 'shop', durable: false },
    { name: 'audit', arguments: { 'x-queue-type': 'stream', 'x-max-age': '1D' } },
  ],
  streams: [
    { name: 'history', partitions: 3, config: { retentionMs: 60_000, retentionBytes: null } },
  ],
  bindings: [
    { source: 'orders', destination: 'billing', routingKey: 'order.#' },
    { source: 'orders', destination: 'rest', destinationKind: 'exchange' },
    { source: 'orders', destination: 'history', destinationKind: 'stream', routingKey: '#' },
  ],
  feeds: [{ name: 'out', stream: 'history', exchange: 'amq.fanout', from: 'last' }],
}

test('everything that is declared is there before anybody may connect', async (t) => {
  const { core } = await start(t, shop)
  const vhost = core.findVirtualHost('/') ?? assert.fail()
  assert.equal(vhost.getExchange('orders').options.type, 'topic')
  assert.equal(vhost.getExchange('orders').bindings.size, 3)
  assert.equal(vhost.findQueue('billing')?.options.durable, true)
  assert.equal(core.findVirtualHost('shop')?.findQueue('billing')?.options.durable, false)
  assert.equal(vhost.findStreamQueue('audit')?.config.retentionMs, 86_400_000)
  const stream = vhost.streams.find('history')
  assert.deepEqual([stream?.partitions.length, stream?.config.retentionMs], [3, 60_000])
  assert.equal(stream?.settings.get('retention.ms'), '60000', 'Kafka clients are shown it')
  assert.equal([...vhost.feeds.values()][0]?.options.exchange, 'amq.fanout')
  assert.deepEqual(core.access.users.find('ann')?.tags, ['monitoring'])
  assert.equal(core.access.permissions.find({ user: 'ann', vhost: '/' }), null)
  assert.equal(core.access.permissions.find({ user: 'ann', vhost: 'shop' })?.write, 'orders.*')
})

test('the same declarations at the next start change nothing', async (t) => {
  const directory = await newDirectory()
  const first = await start(t, shop, directory)
  await first.broker.close()
  const { core } = await start(t, shop, directory)
  const vhost = core.findVirtualHost('/') ?? assert.fail()
  assert.deepEqual([...vhost.queues.keys()], ['billing'])
  assert.equal(vhost.getExchange('orders').bindings.size, 3)
})

/** A start with something else than shop ends with this. */
async function assertDiffers(
  directory: string,
  declarations: Declarations,
  path: string,
  says: RegExp,
): Promise<void> {
  await assert.rejects(startBroker({ amqp, data: { directory }, declarations }), (error) => {
    assert.ok(error instanceof DeclarationError, String(error))
    assert.equal(error.path, path)
    assert.match(error.message, says)
    return true
  })
}

test('what is there otherwise ends the start, says what differs, and stays as it is', async (t) => {
  const directory = await newDirectory()
  const first = await start(t, shop, directory)
  await first.broker.close()
  const differs = assertDiffers.bind(null, directory)
  await differs(
    { exchanges: [{ name: 'new' }, { name: 'orders' }] },
    'exchanges[1]',
    /inequivalent arg 'type'.* 'direct' but current is 'topic'/,
  )
  await differs(
    { queues: [{ name: 'billing', durable: false }] },
    'queues[0]',
    /inequivalent arg 'durable'/,
  )
  await differs(
    { queues: [{ name: 'billing' }] },
    'queues[0]',
    /x-note is \[.*\] there and not set here/,
  )
  await differs(
    { streams: [{ name: 'history' }] },
    'streams[0]',
    /other partitions: 3 there, 1 here/,
  )
  await differs(
    { streams: [{ name: 'history', partitions: 3, config: { retentionMs: 1 } }] },
    'streams[0]',
    /other retentionMs: 60000 there, 1 here/,
  )
  await differs(
    { feeds: [{ name: 'out', stream: 'history', exchange: 'amq.topic' }] },
    'feeds[0]',
    /out/,
  )
  await differs({ users: [{ name: 'ann', password: 'other' }] }, 'users[0]', /another password/)
  const ann = { name: 'ann', password: 'secret', tags: ['monitoring'] }
  await differs(
    { users: [{ ...ann, tags: [] }] },
    'users[0]',
    /other tags: monitoring there, none here/,
  )
  await differs(
    { users: [ann] },
    'users[0]',
    /permission to configure in virtual host '\/': none there/,
  )
  const { core } = await start(t, shop, directory)
  assert.equal(core.findVirtualHost('/')?.getExchange('new').name, 'new', 'what came before stays')
})

test('what cannot be is told with the place of the entry', async () => {
  const cases: readonly (readonly [Declarations, string, RegExp])[] = [
    [{ queues: [{ name: 'a' }, { name: '' }] }, 'queues[1]', /name of the queue is empty/],
    [{ queues: [{ name: 'amq.x' }] }, 'queues[0]', /reserved prefix/],
    [
      { queues: [{ name: 'q', vhost: 'v' }] },
      'queues[0]',
      /no virtual host 'v'\. Add it under vhosts/,
    ],
    [
      { bindings: [{ source: 'nowhere', destination: 'q' }] },
      'bindings[0]',
      /no exchange 'nowhere'/,
    ],
    [{ streams: [{ name: 'a b' }] }, 'streams[0]', /cannot be called so/],
    [
      { streams: [{ name: 's', config: { durability: 'sync' } }] },
      'streams[0]',
      /needs a data directory/,
    ],
    [{ feeds: [{ name: 'f', stream: 's', exchange: '' }] }, 'feeds[0]', /no stream 's'/],
    [
      { users: [{ name: 'u', password: 'p', permissions: [{ read: '(' }] }] },
      'users[0]',
      /permission is refused/,
    ],
    [{ users: [{ name: 'u', password: '' }] }, 'users[0]', /is refused: password/],
  ]
  for (const [declarations, path, says] of cases) {
    await assert.rejects(startBroker({ amqp, declarations }), (error) => {
      assert.ok(error instanceof DeclarationError, String(error))
      assert.equal(error.path, path)
      assert.match(error.message, says)
      return true
    })
  }
})

test('a program whose types were lost is told of unknown keys and wrong values too', async () => {
  const declarations = {
    queues: [
      { name: 'q', durabel: 1 },
      { name: 5, durable: 'x' },
    ],
    queus: [],
  }
  await assert.rejects(startBroker({ amqp, declarations: declarations as object }), (error) => {
    assert.ok(error instanceof DeclarationError)
    assert.match(
      error.message,
      /declarations\.queus: there is no key queus\. Did you mean queues\?/,
    )
    assert.match(error.message, /declarations\.queues\[0\]\.durabel: .*Did you mean durable\?/)
    assert.match(
      error.message,
      /declarations\.queues\[1\]\.durable: durable takes true or false, and this is a text/,
    )
    return true
  })
})

test('the guest of a fresh broker gives way to a declared one, and to a given user a declared one does', async (t) => {
  const guest = { name: 'guest', password: 'own', tags: ['administrator'] }
  const { core } = await start(t, { users: [guest] })
  assert.equal(core.access.users.find('guest')?.loopbackOnly, false)
  const given = {
    amqp,
    users: [{ name: 'ann', password: 'a' }],
    declarations: { users: [{ name: 'ann', password: 'b' }] },
  }
  const broker = await startBroker(given)
  t.after(() => broker.close())
  assert.deepEqual(coreOf(broker).access.users.find('ann')?.tags, ['administrator'])
})

test('a declared user counts when others may connect', async (t) => {
  const reachable = { amqp, host: '0.0.0.0' }
  const users = [{ name: 'ann', password: 'a', loopbackOnly: true }]
  await assert.rejects(startBroker({ ...reachable, declarations: { users } }), /no user is set/)
  const broker = await startBroker({
    ...reachable,
    declarations: { users: [{ name: 'ann', password: 'a' }] },
  })
  t.after(() => broker.close())
})
