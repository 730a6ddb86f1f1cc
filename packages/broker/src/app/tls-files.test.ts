import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { TlsError } from '../core/auth/certificate.ts'
import { authority, server } from '../testing/certificates.generated.ts'
import { ExitCode, ExitError } from './exit.ts'
import { readTlsFiles, tlsFailure } from './tls-files.ts'

const folder = mkdtempSync(join(tmpdir(), 'polymq-tls-files-'))
after(() => rmSync(folder, { recursive: true }))

function write(name: string, text: string): string {
  const path = join(folder, name)
  writeFileSync(path, text)
  return path
}

const natsTlsCert = write('server.crt', server.cert)
const natsTlsKey = write('server.key', server.key)
const natsTlsCa = write('ca.crt', authority.cert)

test('the broker is given what the files hold', async () => {
  const files = await readTlsFiles({ natsTlsCert, natsTlsKey, natsTlsCa })
  assert.deepEqual(files, { ...server, ca: authority.cert })
  const none = { natsTlsCert: undefined, natsTlsKey: undefined, natsTlsCa: undefined }
  assert.equal(await readTlsFiles(none), undefined)
})

test('a file that cannot be read is named, with its flag and the reason', async () => {
  const missing = join(folder, 'missing.key')
  const large = write('large.crt', 'x'.repeat(1024 ** 2 + 1))
  const bad: [Parameters<typeof readTlsFiles>[0], string][] = [
    [
      { natsTlsCert, natsTlsKey: missing, natsTlsCa },
      `Cannot use --nats-tls-key ${missing}: there is no such file.`,
    ],
    [
      { natsTlsCert: large, natsTlsKey, natsTlsCa },
      `Cannot use --nats-tls-cert ${large}: it is too large for a file of certificates.`,
    ],
  ]
  for (const [settings, message] of bad) {
    await assert.rejects(
      readTlsFiles(settings),
      (error) =>
        error instanceof ExitError && error.code === ExitCode.Config && error.message === message,
    )
  }
})

test('what the broker says of a file has its name', () => {
  const settings = { natsTlsCert, natsTlsKey, natsTlsCa }
  const error = tlsFailure(new TlsError('key', 'it does not belong to the certificate'), settings)
  assert.equal(
    error?.message,
    `Cannot use --nats-tls-key ${natsTlsKey}: it does not belong to the certificate.`,
  )
  assert.equal(tlsFailure(new Error('other'), settings), undefined)
})
