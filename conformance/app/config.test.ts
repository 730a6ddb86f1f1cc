/** polymq.yaml, as a person meets it. */
import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { connect } from 'amqplib'
import { Command, freePorts, makeFolder } from './command.ts'

async function folderWith(text: string, name: string = 'polymq.yaml'): Promise<string> {
  const folder = await makeFolder()
  await writeFile(join(folder, name), text)
  return folder
}

const ports = 'amqp: { port: 0 }\nkafka: { port: 0 }\n'

test('polymq.yaml of the working directory is read, and what it declares is there at once', async (t) => {
  const cwd = await folderWith(`${ports}
users:
  - name: ann
    password: secret
exchanges:
  - name: orders
    type: topic
queues:
  - name: billing
bindings:
  - { source: orders, destination: billing, routingKey: 'order.#' }
`)
  const broker = await Command.start(t, { args: [], cwd })
  const client = await connect(broker.amqpUrl.replace('guest:guest', 'ann:secret'))
  const channel = await client.createConfirmChannel()
  channel.publish('orders', 'order.new', Buffer.from('x'), { mandatory: true })
  await channel.waitForConfirms()
  assert.equal((await channel.checkQueue('billing')).messageCount, 1)
  await client.close()
})

test('a flag wins over a variable, a variable over the file; config show says which it was', async (t) => {
  const cwd = await folderWith('amqp.port: 1\nkafka.port: 2\nmemory: 64MiB\n', 'other.yaml')
  const show = Command.run(t, {
    args: [
      'config',
      'show',
      '--config',
      'other.yaml',
      '--amqp-port=0',
      '--user=ann:secret',
      '--nats-token=ann:secret-token',
      '-o',
      'json',
    ],
    env: { POLYMQ_KAFKA_PORT: '0' },
    cwd,
  })
  assert.equal((await show.ended).code, 0)
  const rows = JSON.parse(show.stdout) as { setting: string; value: string; from: string }[]
  const from = Object.fromEntries(
    rows.map(({ setting, value, from }) => [setting, `${value} by ${from}`]),
  )
  assert.equal(from['amqp.port'], '0 by --amqp-port')
  assert.equal(from['kafka.port'], '0 by POLYMQ_KAFKA_PORT')
  assert.equal(from['memory'], '64MiB by other.yaml:3:9')
  assert.equal(from['durability'], 'sync with --data by default')
  assert.equal(from['nats.token'], 'ann:… by --nats-token')
  assert.doesNotMatch(show.stdout, /secret/)
})

test('a file that is wrong ends the start with 78, and says all that is wrong with line and column', async (t) => {
  const cwd = await folderWith('kafka:\n  prot: 1\ninsecure: perhaps\nqueues:\n  - durable: true\n')
  const command = Command.run(t, { args: [...freePorts], cwd })
  assert.equal((await command.ended).code, 78)
  assert.equal(
    command.stderr,
    'polymq: polymq.yaml:2:3: there is no key kafka.prot. Did you mean kafka.port?\n' +
      'polymq.yaml:3:11: insecure takes true or false, and this is a text\n' +
      'polymq.yaml:5:5: name is missing\n',
  )
  assert.equal(command.stdout, '')
})

test('a file that is named and not there ends the start with 78', async (t) => {
  const command = Command.run(t, { args: ['--config', '/nowhere/polymq.yaml'] })
  assert.equal((await command.ended).code, 78)
  assert.match(
    command.stderr,
    /^polymq: Cannot read \/nowhere\/polymq\.yaml: there is no such file\./,
  )
})

test('what is there otherwise than declared ends the start with 78, the line and what differs', async (t) => {
  const cwd = await folderWith(`${ports}data: ./data\nqueues:\n  - name: fine\n  - name: q\n`)
  const first = await Command.start(t, { args: [], cwd })
  assert.equal(await first.interrupt(), 0)
  const again = await Command.start(t, { args: [], cwd })
  assert.equal(await again.interrupt(), 0)
  await writeFile(
    join(cwd, 'polymq.yaml'),
    `${ports}data: ./data\nqueues:\n  - name: fine\n  - name: q\n    autoDelete: true\n`,
  )
  const changed = Command.run(t, { args: [], cwd })
  assert.equal((await changed.ended).code, 78)
  assert.match(
    changed.stderr,
    /^polymq: polymq\.yaml:6:5: inequivalent arg 'auto_delete' for queue 'q' .* received 'true' but current is 'false'\.$/m,
  )
})

test('a declared user is enough to listen on another interface', async (t) => {
  const users = 'users:\n  - { name: ann, password: secret }\n'
  const refused = Command.run(t, { args: ['--host=0.0.0.0'], cwd: await folderWith(ports) })
  assert.equal((await refused.ended).code, 78)
  await Command.start(t, { args: ['--host=0.0.0.0'], cwd: await folderWith(ports + users) })
})
