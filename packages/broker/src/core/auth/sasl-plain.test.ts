import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DecodeError } from '../../base/reader.ts'
import { parseSaslPlain } from './sasl-plain.ts'

test('name and password are read, with or without the name as authorization id', () => {
  const expected = { name: 'ann', password: 'pä ss' }
  assert.deepEqual(parseSaslPlain(Buffer.from('\0ann\0pä ss')), expected)
  assert.deepEqual(parseSaslPlain(Buffer.from('ann\0ann\0pä ss')), expected)
})

test('what is not PLAIN, or would act for another, is refused without naming the password', () => {
  const wrong = ['', 'ann', '\0ann', 'ann\0secret', '\0\0secret', '\0ann\0']
  wrong.push('\0ann\0secret\0', 'bob\0ann\0secret')
  for (const text of [...wrong.map((text) => Buffer.from(text)), Buffer.from([0, 97, 0, 0xff])]) {
    assert.throws(
      () => parseSaslPlain(text),
      (error) => error instanceof DecodeError && !/secret|ann|bob/.test(error.message),
      JSON.stringify(text.toString()),
    )
  }
})
