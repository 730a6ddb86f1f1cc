import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { test } from 'node:test'
import { isAnswered } from './probe.ts'

test('a probe tells a server from a free port', async () => {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  assert.equal(await isAnswered(port, ['127.0.0.1', '::1']), true)
  server.close()
  await once(server, 'close')
  assert.equal(await isAnswered(port, ['127.0.0.1', '::1']), false)
})

test('an address that cannot be asked has nobody who answers', async () => {
  assert.equal(await isAnswered(1, ['not an address']), false)
})
