/** TLS and tokens of the NATS listener, as a person sets them: by files, flags and polymq.yaml. */
import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { connect } from 'nats'
import {
  authority,
  client,
  server,
} from '../../packages/broker/src/testing/certificates.generated.ts'
import { Command, freePorts, makeFolder } from './command.ts'

async function folderWithFiles(): Promise<string> {
  const folder = await makeFolder()
  const files = {
    'server.crt': server.cert,
    'server.key': server.key,
    'client.key': client.key,
    'ca.crt': authority.cert,
  }
  for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), text)
  return folder
}

test('polymq.yaml turns TLS on, and names who comes by which token', async (t) => {
  const cwd = await folderWithFiles()
  await writeFile(
    join(cwd, 'polymq.yaml'),
    `amqp.port: 0
kafka.port: 0
nats:
  port: 0
  tls: { cert: server.crt, key: server.key, ca: ca.crt }
  token: [ann:first, ann:second]
users:
  - name: ann
    password: secret
    permissions:
      - { vhost: /, configure: '', write: '.*', read: '.*' }
`,
  )
  const env = { POLYMQ_NATS_PORT: '' }
  const broker = await Command.start(t, { args: [], cwd, env })
  const [, port] = /tls:\/\/localhost:(\d+)/.exec(broker.stdout) ?? []
  const tls = { ca: authority.cert, cert: client.cert, key: client.key }
  for (const token of ['first', 'second']) {
    const connection = await connect({ servers: `localhost:${port}`, tls, token, reconnect: false })
    await connection.flush()
    await connection.close()
  }
  assert.doesNotMatch(broker.stdout + broker.stderr, /first|second|secret/)
  assert.equal(await broker.interrupt(), 0)
})

test('a key of another certificate ends the start with 78 and the name of the file', async (t) => {
  const cwd = await folderWithFiles()
  const args = [...freePorts, '--nats-port=0', '--nats-tls-cert=server.crt']
  const command = Command.run(t, { args: [...args, '--nats-tls-key=client.key'], cwd })
  assert.equal((await command.ended).code, 78)
  const path = join(cwd, 'client.key')
  assert.equal(
    command.stderr,
    `polymq: Cannot use --nats-tls-key ${path}: it does not belong to the certificate.\n`,
  )
  assert.equal(command.stdout, '')
})
