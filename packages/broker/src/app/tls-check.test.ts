import assert from 'node:assert/strict'
import { test } from 'node:test'
import { TlsError } from '../core/auth/certificate.ts'
import { authority, client, expired, server, weak } from '../testing/certificates.generated.ts'
import { RecordingLogger } from '../testing/recording-logger.ts'
import { checkTls } from './tls-check.ts'

function warningsOf(files: Parameters<typeof checkTls>[0], wallMs: number = Date.now()): string[] {
  const log = new RecordingLogger()
  checkTls(files, { log, wallMs })
  return log.lines.map(({ level, message }) => `${level}: ${message}`)
}

test('a certificate whose time is now starts without a word', () => {
  assert.deepEqual(warningsOf({ ...server, ca: authority.cert }), [])
})

test('one whose time is over, or yet to come, is a warning', () => {
  assert.match(warningsOf(expired)[0] ?? '', /^warn: the TLS certificate has expired on 20\d\d-/)
  assert.match(warningsOf(server, 0)[0] ?? '', /^warn: the TLS certificate is valid from 20\d\d-/)
})

test('what TLS would not take is told before anybody connects', () => {
  assert.throws(
    () => warningsOf(weak),
    (error) =>
      error instanceof TlsError && /TLS does not take it, .*key too small/.test(error.message),
  )
  assert.throws(() => warningsOf({ ...server, key: client.key }), TlsError)
})
