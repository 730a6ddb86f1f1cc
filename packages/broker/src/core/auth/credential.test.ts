import assert from 'node:assert/strict'
import { test } from 'node:test'
import { inspect } from 'node:util'
import {
  Credential,
  CredentialFormatError,
  deriveWithScrypt,
  newSalt,
  parseCredential,
  scryptCost,
} from './credential.ts'
import { systemRandom } from './random.ts'

const cheap = { log2N: 10, r: 8, p: 1 }

function derive(input: Parameters<typeof deriveWithScrypt>[0]): Promise<Buffer | null> {
  return new Promise((resolve) => deriveWithScrypt(input, resolve))
}

test('scrypt gives the key of RFC 7914, section 12', async () => {
  const cost = { log2N: 14, r: 8, p: 1 }
  const salt = Buffer.from('SodiumChloride')
  const key = await derive({ password: 'pleaseletmein', salt, cost })
  const expected = '7023bdcb3afd7348461c06cd81fd38ebfda8fbba904f8e3ea9b543f6545da1f2'
  assert.equal(key?.toString('hex'), expected)
})

test('the default cost fits into the memory that node:crypto is given', async () => {
  const key = await derive({ password: 'x', salt: newSalt(systemRandom), cost: scryptCost })
  assert.equal(key?.length, 32)
})

test('a credential survives its text form, and keeps the cost it was made with', async () => {
  const salt = newSalt(systemRandom)
  assert.equal(salt.length, 16)
  const key = (await derive({ password: 'correct', salt, cost: cheap })) as Buffer
  const text = new Credential({ cost: cheap, salt, key }).format()
  assert.match(text, /^\$scrypt\$ln=10,r=8,p=1\$/)
  const read = parseCredential(text)
  assert.equal(read.format(), text)
  assert.deepEqual(read.cost, cheap)
  assert.ok(read.matches(key))
  const wrong = (await derive({ password: 'wrong', salt, cost: cheap })) as Buffer
  assert.ok(!read.matches(wrong))
  assert.ok(!read.matches(key.subarray(1)))
})

test('neither JSON nor inspect shows a salt or key', () => {
  const credential = new Credential({
    cost: cheap,
    salt: Buffer.alloc(16, 0xab),
    key: Buffer.alloc(32, 0xcd),
  })
  const shown = JSON.stringify({ credential }) + inspect(credential, { depth: 9 })
  assert.doesNotMatch(shown, /ab ab|cd cd|171|205|q6u|zc3N/)
})

test('a stored credential that would cost too much, or is none, is refused', () => {
  const [salt, key] = ['A'.repeat(22), 'A'.repeat(43)]
  const wrong = [
    'guest',
    '',
    `$scrypt$ln=30,r=8,p=1$${salt}$${key}`,
    `$scrypt$ln=15,r=99,p=1$${salt}$${key}`,
    `$scrypt$ln=15,r=8,p=0$${salt}$${key}`,
    `$scrypt$ln=15,r=8,p=1$${salt}$AAAA`,
    `$scrypt$ln=15,r=8,p=1$AA$${key}`,
    `$2b$10$${salt}`,
  ]
  for (const text of wrong) assert.throws(() => parseCredential(text), CredentialFormatError, text)
})
