import assert from 'node:assert/strict'
import fs from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { test } from 'node:test'
import { holdName, holdPath, isPathHeld } from './held-name.ts'

const skip = process.platform !== 'linux'

test('a name has one holder at a time', { skip }, async () => {
  const name = `polymq-test-${process.pid}`
  const first = await holdName(name)
  assert.ok(first !== null)
  assert.equal(await holdName(name), null)
  await first.release()
  const second = await holdName(name)
  assert.ok(second !== null)
  await second.release()
})

test('a path tells whether somebody holds it', { skip }, async (t) => {
  const folder = fs.mkdtempSync(join(tmpdir(), 'polymq-name-'))
  t.after(() => fs.rmSync(folder, { recursive: true }))
  const path = join(folder, 'socket')
  assert.equal(await isPathHeld(path), null)
  const held = await holdPath(path)
  assert.ok(held !== null)
  assert.equal(await holdPath(path), null)
  assert.equal(await isPathHeld(path), true)
  // What a killed holder leaves is another name of the same socket file.
  fs.linkSync(path, `${path}-left`)
  await held.release()
  assert.equal(await isPathHeld(`${path}-left`), false)
})

test('a path that cannot be a socket is an error', { skip }, async () => {
  await assert.rejects(holdPath('/proc/none/socket'))
})
