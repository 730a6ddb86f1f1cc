import assert from 'node:assert/strict'
import { connect } from 'node:net'
import { test, type TestContext } from 'node:test'
import { eventually } from '../clients/support/eventually.ts'
import { BrokerChild, freePort, type BrokerCommand } from './broker-child.ts'
import { randomFor } from './seeds.ts'

/** Stands for a broker: answers at its ports, and tells of a phase when it is sent a word. */
const impostor = `
  const [, amqp, kafka] = process.argv
  const onData = (socket) => (data) => {
    socket.write('answer')
    const word = String(data)
    if (word.startsWith('phase ')) process.stderr.write(word)
  }
  for (const port of [amqp, kafka]) {
    require('node:net').createServer((socket) => {
      socket.on('data', onData(socket)).on('error', () => {})
    }).listen(Number(port), '127.0.0.1')
  }
  process.stderr.write('{"level":"error","msg":"late"}\\n')
`

async function commandFor(script: string): Promise<BrokerCommand> {
  const random = randomFor(process.pid, 'impostor')
  const address = {
    host: '127.0.0.1',
    amqpPort: await freePort(random),
    kafkaPort: await freePort(random),
  }
  const args = ['-e', script, String(address.amqpPort), String(address.kafkaPort)]
  return { file: process.execPath, args, env: {}, address }
}

async function start(t: TestContext, script: string = impostor): Promise<BrokerChild> {
  const broker = new BrokerChild(await commandFor(script))
  t.after(() => broker.kill())
  return broker
}

function say({ command }: BrokerChild, word: string): void {
  const { host, amqpPort: port } = command.address
  const socket = connect({ host, port }, () => socket.end(word))
}

test('a broker is ready when both ports answer, and its errors are kept', async (t) => {
  const broker = await start(t)
  assert.ok((await broker.ready()) > 0)
  await eventually('the line about the error', () => broker.errors.length > 0)
  assert.deepEqual(broker.errors, ['{"level":"error","msg":"late"}'])
})

test('a broker that ends instead is not waited for, and its last words are told', async (t) => {
  const broker = await start(t, 'console.log("no room"); process.exit(78)')
  await assert.rejects(broker.ready(), /code 78[^]*no room/)
})

test('a phase is reached when it begins, also if it has begun already', async (t) => {
  const broker = await start(t)
  await broker.ready()
  const reached = broker.reached('cut', 5000)
  say(broker, 'phase cut begin\n')
  assert.equal(await reached, true)
  assert.equal(await broker.reached('cut', 1), true)
  assert.equal(await broker.reached('roll', 1), false)
})

test('a phase that has ended is waited for again, but not when the broker is dead', async (t) => {
  const broker = await start(t)
  await broker.ready()
  const reached = broker.reached('snapshot', 5000)
  say(broker, 'phase snapshot begin\nphase snapshot end\n')
  assert.equal(await reached, true)
  const again = broker.reached('snapshot', 60_000)
  await broker.kill()
  assert.equal(await again, false)
  assert.equal(await broker.ended, 'SIGKILL')
})
