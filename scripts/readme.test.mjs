import assert from 'node:assert/strict'
import fs from 'node:fs'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))
const readme = fs.readFileSync(`${root}README.md`, 'utf8')

// examples/examples.test.ts runs them; so what stands in the README has run.
test('the README shows the clients as they stand in examples/clients, whole', () => {
  const files = fs.readdirSync(`${root}examples/clients`).sort()
  assert.ok(files.length >= 4)
  for (const file of files) {
    const path = `examples/clients/${file}`
    assert.ok(readme.includes(`](${path})`), `no link to ${path}`)
    const text = fs.readFileSync(`${root}${path}`, 'utf8')
    assert.ok(readme.includes(`\`\`\`ts\n${text}\`\`\`\n`), `not what ${path} says`)
  }
})

test('each command of the README that names an example names one that is there', () => {
  const commands = [...readme.matchAll(/node (examples\/[\w./-]+)/g)]
  assert.ok(commands.length > 0)
  for (const [, path] of commands) assert.ok(fs.existsSync(`${root}${path}`), path)
})
