import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readFlags } from './flags.ts'
import { readSettings } from './read-settings.ts'
import { planStart, type StartPlan } from './start-options.ts'

function planOf(config: string, ...args: string[]): StartPlan {
  const read = (): string => config
  const { flags } = readFlags(config === '' ? args : ['-c', 'c.conf', ...args])
  return planStart(readSettings(flags, { read, env: {} }), {
    readFile: (file) => `<${file}>`,
    random: { bytes: (count) => Buffer.alloc(count, 7) },
  })
}

const nobodyKnows = Buffer.alloc(24, 7).toString('base64')

test('a user of the flags may log in, nobody else, and guest not by the password that everybody knows', () => {
  const { users, nats } = planOf('', '--user', 'a', '--pass', 'b').options
  assert.deepEqual(users, [
    { name: 'a', password: 'b' },
    { name: 'guest', password: nobodyKnows },
  ])
  assert.equal(nats.requireLogin, true)
})

test('where nobody is named, what clients say of themselves is not heeded', () => {
  const open = planOf('').options
  assert.deepEqual(open.users, [])
  assert.deepEqual([open.nats.requireLogin, open.nats.ignoreLogins], [false, true])
  assert.equal(planOf('', '--auth', 'x').options.nats.ignoreLogins, false)
})

test('a token is a user whose password nobody knows', () => {
  const { users, nats } = planOf('authorization { token: "s3cret" }').options
  assert.deepEqual(nats.tokens, [{ user: 'token', token: 's3cret' }])
  assert.deepEqual(users, [
    { name: 'token', password: nobodyKnows },
    { name: 'guest', password: nobodyKnows },
  ])
})

test('with no_auth_user clients that give no user come in as guest', () => {
  const config = 'authorization { users [{user: a, pass: b}] }\nno_auth_user: a'
  const { users, nats } = planOf(config).options
  assert.deepEqual(users, [{ name: 'a', password: 'b' }])
  assert.equal(nats.requireLogin, false)
  const beside = 'authorization { users [{user: guest, pass: b}] }\nno_auth_user: guest'
  assert.throws(() => planOf(beside), /no_auth_user: not beside a user guest/)
})

test('other machines reach it only where everybody has to log in', () => {
  assert.equal(planOf('').options.host, undefined)
  const open = planOf('', '-a', '0.0.0.0')
  assert.equal(open.options.host, undefined)
  assert.match(
    open.notes.join(),
    /^0\.0\.0\.0:4222 is open to other machines, .* localhost is used/,
  )
  const locked = planOf('', '-a', '0.0.0.0', '--auth', 'x')
  assert.equal(locked.options.host, '0.0.0.0')
  assert.deepEqual(locked.notes, [])
  assert.equal(planOf('', '-a', '127.0.0.1').options.host, '127.0.0.1')
})

test('monitoring is where the clients are, and never reached by more than was asked', () => {
  assert.equal(planOf('').options.natsMonitoring, undefined)
  assert.deepEqual(planOf('', '-m', '-1').options.natsMonitoring, { port: 0 })
  const wider = 'host: 0.0.0.0, http: "localhost:8222", authorization { token: x }'
  assert.throws(() => planOf(wider), /not on localhost alone/)
})

test('times are as they are given, but for the shortest; 0 is the standard one', () => {
  const times = 'authorization { token: x, timeout: 0.001 }, ping_interval: 0, write_deadline: "3s"'
  const { authTimeoutMs, pingIntervalMs, writeDeadlineMs } = planOf(times).options.nats.limits ?? {}
  assert.deepEqual([authTimeoutMs, pingIntervalMs, writeDeadlineMs], [10, undefined, 3000])
})

test('certificates are read, those of clients only if they are to be verified', () => {
  const args = ['--tls', '--tlscert', 'c', '--tlskey', 'k', '--tlscacert', 'ca']
  assert.deepEqual(planOf('', ...args).options.nats.tls, { cert: '<c>', key: '<k>' })
  const verified = planOf('', ...args, '--tlsverify').options.nats.tls
  assert.deepEqual(verified, { cert: '<c>', key: '<k>', ca: '<ca>' })
})
