/** `polymq nats-server`, started as the test suites of NATS's client libraries start a nats-server. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { readFile, rename, writeFile } from 'node:fs/promises'
import { connect as connectSocket } from 'node:net'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { connect as connectTls } from 'node:tls'
import { connect, type ConnectionOptions, type NatsConnection } from 'nats'
import {
  authority,
  client as clientCertificate,
  server as serverCertificate,
} from '../../packages/broker/src/testing/certificates.generated.ts'
import { Command, findFreePort, makeFolder, occupy } from '../app/command.ts'
import { eventually } from '../clients/support/eventually.ts'

function run(t: TestContext, ...args: string[]): Command {
  return Command.run(t, { args: ['nats-server', ...args] })
}

/** On any free port unless the flags name one; resolves once it says that it is ready. */
async function start(t: TestContext, ...args: string[]): Promise<Command> {
  const command = run(t, '-p', '-1', ...args)
  await command.untilPrinted('stderr', /\[INF\] Server is ready\n/)
  return command
}

function portOf({ stderr }: Command): number {
  return Number(/Listening for client connections on .+:(\d+)\n/.exec(stderr)?.[1])
}

async function open(
  t: TestContext,
  command: Command,
  options: ConnectionOptions = {},
): Promise<NatsConnection> {
  const client = await connect({
    servers: `127.0.0.1:${portOf(command)}`,
    reconnect: false,
    ...options,
  })
  t.after(() => client.close())
  return client
}

async function assertHears(client: NatsConnection): Promise<void> {
  const subscription = client.subscribe('greetings.*', { max: 1 })
  client.publish('greetings.morning', 'hello')
  for await (const message of subscription) assert.equal(message.string(), 'hello')
}

async function fileWith(text: string, name = 'file'): Promise<string> {
  const file = join(await makeFolder(), name)
  await writeFile(file, text)
  return file
}

test('by a configuration alone, as nats.js does it: the ports file says where it is', async (t) => {
  const folder = await makeFolder()
  const config = await fileWith(
    [
      'host: 127.0.0.1',
      'port: -1',
      'http: 127.0.0.1:-1',
      'leafnodes {',
      '  listen: 127.0.0.1:-1',
      ' }',
      'server_tags [',
      'id:AB12',
      ' ]',
      'websocket {',
      '  port: -1',
      '  no_tls: true',
      ' }',
      `ports_file_dir: ${folder}`,
    ].join('\n'),
    'nats-server.conf',
  )
  const command = run(t, '-c', config)
  const file = join(folder, `nats-server_${command.child.pid}.ports`)
  const ports = await eventually('the ports file', () =>
    existsSync(file) ? readFile(file, 'utf8') : null,
  )
  const { nats, monitoring } = JSON.parse(ports) as { nats: string[]; monitoring: string[] }
  assert.match(nats.join(), /^nats:\/\/127\.0\.0\.1:\d+$/)
  const client = await connect({ servers: nats })
  await assertHears(client)
  await client.close()
  const varz = (await (await fetch(`${monitoring[0]}/varz`)).json()) as { version: string }
  assert.match(varz.version, /^2\.9\./)
  assert.match(command.stderr, /\[WRN\] websocket: WebSocket is not served/)
  assert.equal(await command.interrupt(), 0)
  assert.equal(existsSync(file), false)
})

test('by flags, as nats.py does it: monitoring answers without a login', async (t) => {
  const [port, http] = [await findFreePort(), await findFreePort()]
  const login = ['--user', 'foo', '--pass', 'bar']
  run(t, '-p', String(port), '-m', String(http), '-a', '127.0.0.1', ...login)
  const status = await eventually('/varz', async () => {
    const answer = await fetch(`http://127.0.0.1:${http}/varz`).catch(() => null)
    return answer?.status
  })
  assert.equal(status, 200)
  const client = await connect({ servers: `127.0.0.1:${port}`, user: 'foo', pass: 'bar' })
  await assertHears(client)
  await client.close()
})

test('who is named may log in, and nobody else, not even guest', async (t) => {
  const users = 'authorization { users: [{user: a, password: "b c"}, {user: d, password: e}] }'
  const command = await start(t, '-c', await fileWith(users))
  await assertHears(await open(t, command, { user: 'a', pass: 'b c' }))
  await assertHears(await open(t, command, { user: 'd', pass: 'e' }))
  const others = [{}, { user: 'a', pass: 'x' }, { user: 'guest', pass: 'guest' }, { token: 'e' }]
  for (const login of others) {
    await assert.rejects(open(t, command, login), { code: 'AUTHORIZATION_VIOLATION' })
  }
})

test('where nobody is named, a client comes in whatever login it brings', async (t) => {
  const command = await start(t)
  for (const login of [{}, { user: 'a', pass: 'b' }, { token: 'c' }]) {
    await assertHears(await open(t, command, login))
  }
})

test('a token lets in, and with no_auth_user so does nothing', async (t) => {
  const command = await start(t, '--auth', 's3cret')
  await assertHears(await open(t, command, { token: 's3cret' }))
  await assert.rejects(open(t, command, { token: 'x' }), { code: 'AUTHORIZATION_VIOLATION' })
  await assert.rejects(open(t, command), { code: 'AUTHORIZATION_VIOLATION' })
  const config = await fileWith('authorization { users: [{user: a, pass: b}] }\nno_auth_user: a')
  const open2 = await start(t, '-c', config)
  await assertHears(await open(t, open2))
  await assertHears(await open(t, open2, { user: 'a', pass: 'b' }))
  await assert.rejects(open(t, open2, { user: 'a' }), { code: 'AUTHORIZATION_VIOLATION' })
})

test('certificates: what clients say is encrypted, and with --tlsverify they have to show theirs', async (t) => {
  const flags = ['--tls', '--tlscert', await fileWith(serverCertificate.cert)]
  flags.push('--tlskey', await fileWith(serverCertificate.key))
  const command = await start(t, ...flags)
  assert.match(command.stderr, /\[INF\] TLS required for client connections/)
  const tls = { ca: authority.cert }
  await assertHears(await open(t, command, { tls }))
  const verifying = await start(
    t,
    ...flags,
    '--tlsverify',
    '--tlscacert',
    await fileWith(authority.cert),
  )
  await assertHears(await open(t, verifying, { tls: { ...tls, ...clientCertificate } }))
  await assert.rejects(open(t, verifying, { tls }))
})

/** A connection over TLS that goes away without a word, right after it was let in. */
async function comeAndGo(port: number): Promise<void> {
  const plain = connectSocket(port, '127.0.0.1')
  await once(plain, 'data')
  const socket = connectTls({ socket: plain, ca: authority.cert, servername: 'localhost' })
  await once(socket, 'secureConnect')
  socket.write('CONNECT {"verbose":false}\r\nPING\r\n')
  await once(socket, 'data')
  plain.resetAndDestroy()
}

test('a client over TLS that is gone at once takes nobody along', async (t) => {
  const flags = ['--tls', '--tlscert', await fileWith(serverCertificate.cert)]
  flags.push('--tlskey', await fileWith(serverCertificate.key), '-D')
  const command = await start(t, ...flags)
  await comeAndGo(portOf(command))
  await assertHears(await open(t, command, { tls: { ca: authority.cert } }))
})

test('bounds of a configuration are those that clients are told', async (t) => {
  const config = await fileWith('max_payload: 2KB\nmax_connections: 1\nserver_name: "mine"')
  const command = await start(t, '-c', config)
  const client = await open(t, command)
  assert.equal(client.info?.max_payload, 2048)
  assert.equal(client.info?.server_name, 'mine')
  await assert.rejects(open(t, command))
})

test('how it ends: SIGINT with 0, SIGTERM with 1, its ports file goes and its pid file stays', async (t) => {
  for (const [signal, code, said] of [
    ['SIGINT', 0, 'interrupt'],
    ['SIGTERM', 1, 'terminated'],
  ] as const) {
    const folder = await makeFolder()
    const pidFile = join(folder, 'pid')
    const command = await start(t, '--ports_file_dir', folder, '-P', pidFile)
    const { pid } = command.child
    assert.equal(await readFile(pidFile, 'utf8'), String(pid))
    assert.ok(existsSync(join(folder, `nats-server_${pid}.ports`)))
    await open(t, command)
    command.child.kill(signal)
    assert.deepEqual(await command.ended, { code, signal: null })
    assert.match(
      command.stderr,
      new RegExp(`Trapped "${said}" signal[^]*Initiating Shutdown\\.\\.\\.`),
    )
    assert.ok(!existsSync(join(folder, `nats-server_${pid}.ports`)))
    assert.ok(existsSync(pidFile))
  }
})

test('other signals: the log is opened anew, what is not served is told, and it goes on', async (t) => {
  const log = join(await makeFolder(), 'log')
  const command = run(t, '-p', '-1', '-l', log)
  const logged = async (pattern: RegExp): Promise<unknown> =>
    eventually(
      String(pattern),
      async () => existsSync(log) && pattern.test(await readFile(log, 'utf8')),
    )
  await logged(/Server is ready/)
  await rename(log, `${log}.1`)
  command.child.kill('SIGUSR1')
  await logged(/File log re-opened/)
  command.child.kill('SIGHUP')
  await logged(/\[ERR\] Failed to reload server configuration/)
  command.child.kill('SIGUSR2')
  await logged(/\[ERR\] lame duck mode is not served/)
  const sender = run(t, '-sl', `quit=${command.child.pid}`)
  assert.equal((await sender.ended).code, 0)
  assert.equal((await command.ended).code, 0)
  assert.equal(command.stderr, '')
})

test('without a login it listens on this machine only, whatever is asked, and says so', async (t) => {
  const command = await start(t, '-a', '0.0.0.0')
  assert.match(
    command.stderr,
    /\[WRN\] 0\.0\.0\.0 is open to other machines, .*localhost is used instead/,
  )
  assert.match(command.stderr, /Listening for client connections on 127\.0\.0\.1:/)
})

test('a port that is taken ends the start with 1, in the words of nats-server', async (t) => {
  const port = await occupy(t)
  const command = run(t, '-a', '127.0.0.1', '-p', String(port))
  assert.deepEqual(await command.ended, { code: 1, signal: null })
  const where = `127\\.0\\.0\\.1:${port}`
  assert.match(
    command.stderr,
    new RegExp(
      `\\[FTL\\] Error listening on port: ${where}, "listen tcp ${where}: bind: address already in use"`,
    ),
  )
})

test('what it cannot do ends the start with 1 and a line that says what and where', async (t) => {
  const file = await fileWith('port: 1\njetstream { store_dir: x }\nnonsense: 1\n', 'c.conf')
  const cases: readonly (readonly [readonly string[], RegExp])[] = [
    [['-js'], /^nats-server: -jetstream: JetStream is not served/],
    [['-c', file], /c\.conf:2:1: jetstream: .*\n.*c\.conf:3:1: unknown field "nonsense"\n$/],
    [['-c', '/nowhere.conf'], /^nats-server: open \/nowhere\.conf: no such file or directory\n$/],
    [['serve'], /^nats-server: unrecognized command: "serve"\n$/],
    [
      ['--tls', '--tlscert', file, '--tlskey', file],
      /\[FTL\] .*X509.*c\.conf: .*not a certificate/,
    ],
    [['-t'], /^nats-server: must specify \[-c, --config\] option/],
    [['-sl', 'stop'], /^nats-server: -sl stop: say to whom/],
  ]
  for (const [args, message] of cases) {
    const command = run(t, '-p', '-1', ...args)
    assert.deepEqual(await command.ended, { code: 1, signal: null }, args.join(' '))
    assert.match(command.stderr, message)
  }
})

test('version, help, a checked configuration and a wrong flag', async (t) => {
  for (const args of [['-v'], ['--version'], ['version']]) {
    const command = run(t, ...args)
    assert.deepEqual(await command.ended, { code: 0, signal: null })
    assert.match(command.stdout, /^nats-server: v2\.9\.\d+\n$/)
    assert.match(command.stderr, /^PolyMQ /)
  }
  for (const command of [run(t, '-h'), Command.run(t, { args: ['help', 'nats-server'] })]) {
    assert.deepEqual(await command.ended, { code: 0, signal: null })
    assert.match(command.stdout, /Usage: polymq nats-server/)
  }
  const checked = run(t, '-t', '-c', await fileWith('port: 1', 'c.conf'))
  assert.deepEqual(await checked.ended, { code: 0, signal: null })
  assert.match(checked.stderr, /^nats-server: configuration file .*c\.conf is valid/)
  const wrong = run(t, '--nothing')
  assert.deepEqual(await wrong.ended, { code: 0, signal: null })
  assert.match(wrong.stderr, /^flag provided but not defined: -nothing\n/)
})
