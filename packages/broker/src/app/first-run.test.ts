import assert from 'node:assert/strict'
import { test } from 'node:test'
import { firstRunText } from './first-run.ts'
import type { FirstRun } from './first-run.ts'

const run: FirstRun = {
  version: '1.2.3',
  readyMs: 181.7,
  addresses: {
    amqp: { host: '127.0.0.1', port: 5672 },
    kafka: { host: '127.0.0.1', port: 9092 },
    natsMonitoring: { host: '127.0.0.1', port: 8222 },
    management: { host: '127.0.0.1', port: 15_672 },
  },
  data: undefined,
  users: [],
  warnings: [],
  colour: false,
}

test('the first line says how long it took and that nothing is kept; then come the addresses', () => {
  assert.equal(
    firstRunText(run),
    `PolyMQ 1.2.3  ready in 182 ms   in memory: gone when it stops

  AMQP 0-9-1    amqp://guest:guest@localhost:5672
  Kafka         localhost:9092
  Control API   http://localhost:15672
`,
  )
})

test('with a data directory the first line says where it is and when what is in it is safe', () => {
  const data = { directory: '/var/lib/poly\u001b[2Jmq', durability: 'os' } as const
  const [first] = firstRunText({ ...run, data }).split('\n')
  assert.equal(
    first,
    'PolyMQ 1.2.3  ready in 182 ms   data in /var/lib/poly\\u001b[2Jmq, durability os',
  )
})

test('a configuration file that was read is named', () => {
  const [, second] = firstRunText({ ...run, config: 'polymq.yaml' }).split('\n')
  assert.equal(second, 'configured by polymq.yaml')
})

test('a listener that is off is not listed, and warnings come last', () => {
  const text = firstRunText({
    ...run,
    addresses: { kafka: { host: '::1', port: 9092 } },
    warnings: ['5672 is in use by a: AMQP 0-9-1 listener is off.'],
  })
  assert.doesNotMatch(text, /amqp:/)
  assert.ok(text.endsWith('\n  ! 5672 is in use by a: AMQP 0-9-1 listener is off.\n'))
})

test('with users set, no password is printed', () => {
  const text = firstRunText({ ...run, users: ['ap p', 'b'] })
  assert.match(text, /amqp:\/\/ap%20p@localhost:5672/)
  assert.doesNotMatch(text, /guest/)
})

test('an address of another interface is printed as it is', () => {
  const addresses = { kafka: { host: 'fd00::1', port: 1 } }
  assert.match(firstRunText({ ...run, addresses }), /Kafka +\[fd00::1\]:1/)
})

test('a listener that speaks TLS is shown by that', () => {
  const addresses = { nats: { host: '127.0.0.1', port: 4222 } }
  assert.match(firstRunText({ ...run, addresses }), / nats:\/\/localhost:4222/)
  const encrypted = ['nats'] as const
  assert.match(firstRunText({ ...run, addresses, encrypted }), / tls:\/\/localhost:4222/)
})
