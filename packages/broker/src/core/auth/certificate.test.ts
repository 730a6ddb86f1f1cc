import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  authority,
  client,
  expired,
  lockedKey,
  server,
} from '../../testing/certificates.generated.ts'
import { checkTlsFiles, TlsError } from './certificate.ts'

test('a certificate and its key go together, and are valid for a time', () => {
  const { fromMs, toMs } = checkTlsFiles({ ...server, ca: authority.cert })
  assert.ok(fromMs < Date.now() && toMs > Date.now())
  assert.ok(checkTlsFiles(expired).toMs < Date.now())
})

test('what does not is told by the file that is wrong, and quotes nothing of it', () => {
  const bad: [Parameters<typeof checkTlsFiles>[0], TlsError['part'], RegExp][] = [
    [{ ...server, cert: 'hello' }, 'cert', /^it is not a certificate in PEM$/],
    [{ ...server, cert: server.key }, 'cert', /a private key is in it/],
    [{ ...server, key: server.cert }, 'key', /^it is not a private key in PEM$/],
    [{ ...server, key: '' }, 'key', /not a private key/],
    [{ ...server, key: lockedKey }, 'key', /locked by a passphrase/],
    [{ ...server, key: client.key }, 'key', /does not belong to the certificate/],
    [{ ...server, ca: 'x' }, 'ca', /not a certificate/],
  ]
  for (const [files, part, message] of bad) {
    assert.throws(
      () => checkTlsFiles(files),
      (error) => error instanceof TlsError && error.part === part && message.test(error.message),
      String(message),
    )
  }
})
