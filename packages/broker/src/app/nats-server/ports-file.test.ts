import assert from 'node:assert/strict'
import { test } from 'node:test'
import { hostPort, portsFileOf, portsText } from './ports-file.ts'

test('the file is called as that of nats-server, whatever this program is called', () => {
  assert.equal(portsFileOf('/tmp', 812), '/tmp/nats-server_812.ports')
})

test('it says where clients and those who monitor are served', () => {
  const nats = { host: '127.0.0.1', port: 4222 }
  assert.equal(portsText({ nats }, { hasTls: false }), '{"nats":["nats://127.0.0.1:4222"]}')
  assert.deepEqual(
    JSON.parse(portsText({ nats, natsMonitoring: { host: '::1', port: 8222 } }, { hasTls: true })),
    { nats: ['tls://127.0.0.1:4222'], monitoring: ['http://[::1]:8222'] },
  )
})

test('of all interfaces it names each, this machine first', () => {
  const text = portsText({ nats: { host: '0.0.0.0', port: 4222 } }, { hasTls: false })
  const { nats } = JSON.parse(text) as { nats: string[] }
  assert.equal(nats[0], 'nats://127.0.0.1:4222')
  assert.ok(!nats.join().includes('0.0.0.0'))
})

test('an address of IPv6 stands in brackets', () => {
  assert.equal(hostPort({ host: '::1', port: 1 }), '[::1]:1')
})
