/**
 * Makes the certificates that tests of TLS use, by openssl, and writes them where the tests find them: the tests themselves need Node only.
 * They are valid for a hundred years but for the one that has expired; nobody else trusts them.
 *
 *   node scripts/make-test-certificates.mjs
 */
import { execFileSync } from 'node:child_process'
import fs from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const target = fileURLToPath(
  new URL('../packages/broker/src/testing/certificates.generated.ts', import.meta.url),
)
const days = 36_500
const folder = fs.mkdtempSync(join(tmpdir(), 'polymq-certificates-'))
const file = (name) => join(folder, name)
const read = (name) => fs.readFileSync(file(name), 'utf8').trim()
const openssl = (...args) => execFileSync('openssl', args, { stdio: ['ignore', 'ignore', 'pipe'] })

function makeKey(name) {
  openssl(
    'genpkey',
    '-algorithm',
    'EC',
    '-pkeyopt',
    'ec_paramgen_curve:P-256',
    '-out',
    file(`${name}.key`),
  )
}

function makeAuthority(name) {
  makeKey(name)
  const subject = ['-subj', `/CN=PolyMQ test ${name}`]
  openssl(
    'req',
    '-x509',
    '-new',
    '-key',
    file(`${name}.key`),
    ...subject,
    '-days',
    String(days),
    '-out',
    file(`${name}.crt`),
  )
}

/** Of so short a key that TLS does not take it. */
function makeWeak(name) {
  const subject = ['-subj', `/CN=PolyMQ test ${name}`]
  const out = ['-days', String(days), '-keyout', file(`${name}.key`), '-out', file(`${name}.crt`)]
  openssl('req', '-x509', '-newkey', 'rsa:512', '-noenc', ...subject, ...out)
}

function makeLeaf(name, { authority, subjectAlternatives, validDays = days }) {
  makeKey(name)
  openssl(
    'req',
    '-new',
    '-key',
    file(`${name}.key`),
    '-subj',
    `/CN=PolyMQ test ${name}`,
    '-out',
    file(`${name}.csr`),
  )
  fs.writeFileSync(file(`${name}.ext`), `subjectAltName=${subjectAlternatives}\n`)
  const signer = [
    '-CA',
    file(`${authority}.crt`),
    '-CAkey',
    file(`${authority}.key`),
    '-CAcreateserial',
  ]
  openssl(
    'x509',
    '-req',
    '-in',
    file(`${name}.csr`),
    ...signer,
    '-extfile',
    file(`${name}.ext`),
    '-days',
    String(validDays),
    '-out',
    file(`${name}.crt`),
  )
}

function certificateOf(name) {
  return `{\n  cert: \`${read(`${name}.crt`)}\n\`,\n  key: \`${read(`${name}.key`)}\n\`,\n}`
}

try {
  const here = 'DNS:localhost,IP:127.0.0.1,IP:::1'
  makeAuthority('authority')
  makeAuthority('stranger')
  makeLeaf('server', { authority: 'authority', subjectAlternatives: here })
  makeLeaf('expired', { authority: 'authority', subjectAlternatives: here, validDays: 0 })
  makeLeaf('client', { authority: 'authority', subjectAlternatives: 'email:client@example.com' })
  makeLeaf('impostor', { authority: 'stranger', subjectAlternatives: 'email:client@example.com' })
  openssl(
    'pkey',
    '-in',
    file('server.key'),
    '-aes256',
    '-passout',
    'pass:secret',
    '-out',
    file('locked.key'),
  )
  makeWeak('weak')
  const type = '{ readonly cert: string; readonly key: string }'
  const names = ['authority', 'server', 'expired', 'client', 'impostor', 'weak']
  fs.writeFileSync(
    target,
    [
      '/** Made by scripts/make-test-certificates.mjs; good for tests on this machine and for nothing else. */',
      ...names.map((name) => `export const ${name}: ${type} = ${certificateOf(name)}`),
      `/** The key of the server, behind a passphrase. */\nexport const lockedKey: string = \`${read('locked.key')}\n\``,
      '',
    ]
      .join('\n\n')
      .trimEnd() + '\n',
  )
} finally {
  fs.rmSync(folder, { recursive: true })
}
