import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readFlags } from './flags.ts'
import { readSettings } from './read-settings.ts'
import { standardSettings, type NatsSettings } from './settings.ts'

/** With `-c c.conf` if there is a configuration. */
function settingsOf(config: string | null, ...args: string[]): NatsSettings {
  const named = config === null ? args : ['-c', 'c.conf', ...args]
  return readSettings(readFlags(named).flags, { read: () => config ?? '', env: {} })
}

test('without flags and configuration all is as it is', () => {
  assert.deepEqual(settingsOf(null), standardSettings())
})

test('-1 is any free port, 0 is none given', () => {
  assert.equal(settingsOf(null, '-p', '-1').port, 0)
  assert.equal(settingsOf('port: -1').port, 0)
  assert.equal(settingsOf('port: 0').port, 4222)
  assert.equal(settingsOf('port: 5', '-p', '0').port, 5)
  assert.equal(settingsOf('http: "127.0.0.1:-1"').monitoringPort, 0)
  assert.equal(settingsOf('http_port: 0').monitoringPort, undefined)
})

test('each key that is served becomes its setting', () => {
  const settings = settingsOf(`
    listen: "[::1]:4300"
    monitor_port: 8300
    server_name: me
    authorization { users [{user: a, pass: b}, {username: "c", password: "d"}], timeout: "1.5s" }
    no_auth_user: a
    tls { cert_file: "c.pem", key_file: "k.pem", ca_file: "ca.pem", verify: true, timeout: 2 }
    max_payload: 8MB, max_control_line: 1KB, max_pending: 16MB
    max_connections: 10, ping_max: 3
    ping_interval: "20s", write_deadline: 5
    pid_file: "/tmp/p", ports_file_dir: "/tmp", log_file: "/tmp/l"
    debug: true, logtime: false
    trace: true, server_tags: [x], lame_duck_duration: "30s"
  `)
  assert.deepEqual(
    { ...settings, noAuthUser: settings.noAuthUser?.value.content },
    {
      ...standardSettings(),
      host: '::1',
      port: 4300,
      monitoringPort: 8300,
      serverName: 'me',
      users: [
        { name: 'a', password: 'b' },
        { name: 'c', password: 'd' },
      ],
      noAuthUser: 'a',
      authTimeoutMs: 1500,
      tls: { certFile: 'c.pem', keyFile: 'k.pem', clientCaFile: 'ca.pem' },
      payloadBytesMax: 8_388_608,
      controlLineBytesMax: 1024,
      pendingBytesMax: 16_777_216,
      connectionsMax: 10,
      pingsOutMax: 3,
      pingIntervalMs: 20_000,
      writeDeadlineMs: 5000,
      pidFile: '/tmp/p',
      portsFileDir: '/tmp',
      logFile: '/tmp/l',
      debug: true,
      logTime: false,
    },
  )
})

test('a flag goes before the configuration', () => {
  const config = 'host: a, port: 1, authorization { user: u, pass: p }, debug: true, log_file: x'
  const args = ['-a', 'b', '-p', '2', '--user', 'v', '--pass', 'q', '-D=false', '-l', 'y']
  const { host, port, user, password, debug, logFile } = settingsOf(config, ...args)
  assert.deepEqual([host, port, user, password, debug, logFile], ['b', 2, 'v', 'q', false, 'y'])
})

test('--tls=false takes the certificates of the configuration away', () => {
  const config = 'tls { cert_file: c, key_file: k, ca_file: ca }'
  assert.deepEqual(settingsOf(config).tls, { certFile: 'c', keyFile: 'k', clientCaFile: null })
  assert.equal(settingsOf(config, '--tls=false').tls, undefined)
})

test('what PolyMQ has not ends the start, and says where it was asked for', () => {
  const refused: Readonly<Record<string, RegExp>> = {
    'accounts { A {} }': /^c\.conf:1:1: accounts: accounts are not served/,
    '\n jetstream: enabled': /^c\.conf:2:2: jetstream: JetStream is not served/,
    'jetstream {max_mem: 1}': /JetStream is not served/,
    'cluster { listen: "127.0.0.1:-1" }': /cluster: clusters are not served/,
    'leafnodes { remotes [{url: "nats://x"}] }': /leafnodes: connections to other servers/,
    'operator: x': /operator: nkeys and JWTs are not served/,
    'resolver: MEMORY': /resolver: nkeys and JWTs are not served/,
    'mappings { a: b }': /mappings of subjects are not served/,
    'authorization { users [{nkey: U}] }': /nkey: nkeys are not served/,
    'authorization { users [{user: a, permissions {publish: x}}] }': /permissions by subject/,
    'authorization { pass: "$2a$11$abc" }': /pass: bcrypt is not served/,
    'tls { cert_file: c, key_file: k, verify_and_map: true }': /tls: verify_and_map is not served/,
    'https_port: 1': /https_port: monitoring is served by plain HTTP/,
  }
  for (const [config, message] of Object.entries(refused)) {
    assert.throws(() => settingsOf(config), { message }, config)
  }
  const flags = [
    ['-js'],
    ['--jetstream'],
    ['--cluster', 'nats://x'],
    ['--routes', 'x'],
    ['-ms', '1'],
  ]
  for (const args of flags) {
    assert.throws(() => settingsOf(null, ...args), { name: 'LaunchError', message: /not|plain/ })
  }
})

test('what is turned off, or empty, changes nothing', () => {
  const config = `jetstream: false, cluster {}, accounts {}, leafnodes {}, mqtt {}, https_port: 0
    default_js_domain: "", gateway {}, no_header_support: false`
  assert.deepEqual(settingsOf(config), standardSettings())
  assert.deepEqual(settingsOf('jetstream: disabled', '-js=false', '--cluster='), standardSettings())
})

test('another way in is not opened, and that is told', () => {
  const { notes } = settingsOf('websocket { port: -1 }\nleafnodes { listen: "127.0.0.1:-1" }')
  assert.deepEqual(notes, [
    'websocket: WebSocket is not served, its port is not opened',
    'leafnodes: leaf nodes are not served, their port is not opened',
  ])
})

test('all faults are told at once, in the words of nats-server where it has some', () => {
  const config = `unknown: 1
    MINE = 4300
    port: $MINE
    server_name: "a b"
    max_payload: 3g
    authorization { user: a, token: b }
    debug: maybe`
  assert.throws(() => settingsOf(config), {
    name: 'LaunchError',
    message: [
      'c.conf:1:1: unknown field "unknown"',
      'c.conf:4:5: server name cannot contain spaces',
      'c.conf:5:5: max_payload value is too big',
      'c.conf:6:5: Cannot have a user/pass and token',
      'c.conf:7:5: debug must be true or false',
    ].join('\n'),
  })
})

test('what makes no sense together is refused', () => {
  const faults: Readonly<Record<string, RegExp>> = {
    'max_payload: 2000, max_pending: 1000':
      /max_payload \(2000\) cannot be higher than max_pending/,
    'no_auth_user: x': /no_auth_user: "x" not present/,
    'authorization { users: [{user: a}, {user: a}] }': /Duplicate user "a"/,
    'authorization { user: a, users: [] }': /single user\/pass and a users array/,
    'authorization { token: a, users: [] }': /a token and a users array/,
    'tls { key_file: k }': /missing 'cert_file'/,
    'tls { cert_file: c, key_file: k, verify: true }': /missing 'ca_file'/,
    'port: 70000': /port must be a port up to 65535/,
    'authorization { pass: 1234 }': /pass must be a text: put it in quotes/,
  }
  for (const [config, message] of Object.entries(faults)) {
    assert.throws(() => settingsOf(config), { message }, config)
  }
  assert.throws(() => settingsOf(null, '--tls'), /TLS Server certificate must be present and valid/)
  assert.throws(() => settingsOf(null, '-p', '70000'), /there is no such port/)
})
