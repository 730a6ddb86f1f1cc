import assert from 'node:assert/strict'
import { createServer } from 'node:net'
import type { AddressInfo, Server } from 'node:net'
import { once } from 'node:events'
import { test } from 'node:test'
import { ExitError } from './exit.ts'
import { planListeners } from './listeners.ts'
import type { ListenerPlan } from './listeners.ts'
import { readInvocation } from './invocation.ts'
import { findPortOwner } from './port-owner.ts'

const machine = { memoryBytes: 1024 ** 3, absolute: (path: string): string => path }

function plan(args: string[], taken: number[]): Promise<ListenerPlan> {
  const invocation = readInvocation({ args, env: {}, machine })
  return planListeners(invocation, {
    isTaken: async (port) => taken.includes(port),
    ownerOf: async () => 'rabbitmq (pid 812)',
  })
}

async function listenOnAnyPort(): Promise<{ server: Server; port: number }> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  return { server, port: (server.address() as AddressInfo).port }
}

test('free ports are taken as they are', async () => {
  const { ports, warnings } = await plan([], [])
  assert.deepEqual(
    [...ports],
    [
      ['amqp', 5672],
      ['kafka', 9092],
      ['nats', 4222],
      ['natsMonitoring', 8222],
      ['redis', 6379],
      ['management', 15_672],
    ],
  )
  assert.deepEqual(warnings, [])
})

test('a taken port that nobody chose closes its listener with a warning that names the owner', async () => {
  const { ports, warnings } = await plan([], [5672])
  assert.deepEqual(ports.get('amqp'), undefined)
  assert.equal(ports.get('kafka'), 9092)
  assert.deepEqual(warnings, [
    '5672 is in use by rabbitmq (pid 812): AMQP 0-9-1 listener is off. ' +
      'Use --amqp-port 5673, or 0 for any free port.',
  ])
})

test('a taken port that somebody chose ends the start', async () => {
  await assert.rejects(
    plan(['--amqp-port', '5672'], [5672]),
    (error) => error instanceof ExitError && error.code === 78 && /rabbitmq/.test(error.message),
  )
})

test('a taken port ends the start of a server, chosen or not', async () => {
  const server = ['server', '--data=/data']
  await assert.rejects(
    plan(server, [9092]),
    (error) =>
      error instanceof ExitError &&
      error.code === 78 &&
      /^Port 9092 is in use by rabbitmq \(pid 812\)\. Use --kafka-port 9093, .*, or off/.test(
        error.message,
      ),
  )
  const { ports } = await plan([...server, '--kafka-port=off'], [9092])
  assert.equal(ports.get('amqp'), 5672)
  assert.equal(ports.get('kafka'), undefined)
})

test('port 0 is not probed, and off is not in the plan', async () => {
  const { ports } = await plan(
    [
      '--amqp-port',
      '0',
      '--kafka-port',
      'off',
      '--nats-port',
      'off',
      '--redis-port',
      'off',
      '--management-port',
      'off',
    ],
    [0],
  )
  assert.deepEqual([...ports], [['amqp', 0]])
})

test('a port of the control API is planned as the others are', async () => {
  const { ports, warnings } = await plan([], [15_672])
  assert.equal(ports.get('management'), undefined)
  assert.deepEqual(warnings, [
    '15672 is in use by rabbitmq (pid 812): Control API listener is off. ' +
      'Use --management-port 15673, or 0 for any free port.',
  ])
  await assert.rejects(
    plan(['--management-port=15672'], [15_672]),
    (error) => error instanceof ExitError && error.code === 78,
  )
})

test('monitoring of NATS is off where NATS is, without a word', async () => {
  const { ports, warnings } = await plan([], [4222])
  assert.equal(ports.has('natsMonitoring'), false)
  assert.match(warnings.join('\n'), /^4222 is in use by [^\n]*$/)
  const asked = await plan(['--nats-port=off', '--nats-monitoring-port=1'], [])
  assert.equal(asked.ports.has('natsMonitoring'), false)
  assert.deepEqual(asked.warnings, [])
})

test('nothing left to listen ends the start', async () => {
  const taken = [5672, 9092, 4222, 6379]
  await assert.rejects(plan([], taken), /No listener is left to start\.\n5672.*\n9092/)
  await assert.rejects(
    plan(['--amqp-port=off', '--kafka-port=off', '--nats-port=off', '--redis-port=off'], []),
    /No listener is left/,
  )
})

test('a port that is chosen for one listener is not taken for another', async () => {
  const { ports, warnings } = await plan(['--amqp-port', '9092'], [])
  assert.equal(ports.get('amqp'), 9092)
  assert.equal(ports.get('kafka'), undefined)
  assert.match(warnings[0] ?? '', /^9092 is in use by --amqp-port: Kafka listener is off\./)
  await assert.rejects(plan(['--amqp-port=1', '--kafka-port=1'], []), /Port 1 is in use by --kafka/)
})

test('the owner of a port is named where /proc tells', async (t) => {
  if (process.platform !== 'linux') return t.skip('only Linux has /proc')
  const { server, port } = await listenOnAnyPort()
  t.after(() => server.close())
  assert.match((await findPortOwner(port)) ?? '', new RegExp(`\\(pid ${process.pid}\\)$`))
})
