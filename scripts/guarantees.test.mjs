import assert from 'node:assert/strict'
import fs from 'node:fs'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))
const page = fs.readFileSync(`${root}docs/guarantees.md`, 'utf8')

/** `(path/to/a.test.ts: the test's name)`, as each promise ends with. */
const REFERENCE = /\((\S+\.test\.(?:ts|mjs)): ([^)]+)\)/g

test('each promise of the guarantees ends with a test that exists', () => {
  const promises = page.split('\n').filter((line) => line.startsWith('- '))
  assert.ok(promises.length > 5)
  for (const promise of promises) {
    const found = [...promise.matchAll(REFERENCE)]
    assert.ok(found.length > 0, `no test is named: ${promise}`)
    for (const [, file, name] of found) {
      const text = fs.readFileSync(`${root}${file}`, 'utf8')
      const isThere = [`'${name}'`, `"${name}"`, `\`${name}\``].some((quoted) =>
        text.includes(quoted),
      )
      assert.ok(isThere, `${file} has no test '${name}'`)
    }
  }
})
