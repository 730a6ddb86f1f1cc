import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import { checkTree } from './check-imports.mjs'

const source = 'packages/broker/src'

/** Complaints about a tree of these files; paths without a package are the broker's. */
function complaintsAbout(files) {
  const root = mkdtempSync(join(tmpdir(), 'polymq-imports-'))
  const manifest = { dependencies: { declared: '1' } }
  const all = { 'packages/broker/package.json': JSON.stringify(manifest), ...files }
  for (const [path, text] of Object.entries(all)) {
    const isWhole = /^(packages|conformance|bench|scripts)\//.test(path)
    const full = join(root, isWhole ? path : `${source}/${path}`)
    mkdirSync(dirname(full), { recursive: true })
    writeFileSync(full, text)
  }
  try {
    return checkTree(root)
  } finally {
    rmSync(root, { recursive: true })
  }
}

const importLine = (specifier) => `import { x } from '${specifier}'\n`

/** A planted import of `to` in `from`; `to` exists. */
function complaintsAboutImport(from, to, line) {
  const depth = from.split('/').length - 1
  const specifier = `${depth === 0 ? './' : '../'.repeat(depth)}${to}`
  return complaintsAbout({ [from]: line?.(specifier) ?? importLine(specifier), [to]: '' })
}

const forbidden = [
  ['base/reader.ts', 'core/broker.ts', /base may not import core/],
  ['storage/journal.ts', 'core/broker.ts', /storage may not import core/],
  ['storage/journal.ts', 'storage/disk/thread.ts', /storage may not import storage\/disk/],
  ['core/queue/queue.ts', 'storage/journal.ts', /core may not import storage \(its types only\)/],
  ['core/broker.ts', 'protocols/amqp/session.ts', /core may not import protocols\/amqp/],
  ['protocols/amqp/session.ts', 'protocols/kafka/session.ts', /protocols\/amqp may not import/],
  ['protocols/amqp/session.ts', 'protocols/kafka/codec/a.ts', /may not import protocols\/kafka/],
  ['protocols/amqp/session.ts', 'storage/journal.ts', /protocols\/amqp may not import storage/],
  ['protocols/head.ts', 'protocols/amqp/session.ts', /protocols may not import protocols\/amqp/],
  ['protocols/amqp/codec/frame.ts', 'core/broker.ts', /amqp\/codec may not import core/],
  ['protocols/amqp/codec/frame.ts', 'protocols/amqp/session.ts', /codec may not import/],
  ['protocols/amqp/codec/frame.ts', 'base/net/connection.ts', /codec may not import base\/net/],
  ['admin/server.ts', 'storage/journal.ts', /admin may not import storage/],
  ['app/main.ts', 'testing/clock.ts', /testing is for tests only/],
  ['test-kit/core-queue.ts', 'testing/clock.ts', /testing is for tests only/],
  ['core/broker.ts', 'test-kit/core-queue.ts', /core may not import test-kit/],
  ['testing/clock.ts', 'app/main.ts', /testing may not import app/],
  ['core/a.test.ts', 'protocols/amqp/session.ts', /core may not import protocols/],
  ['app/main.ts', 'app/a.test.ts', /a test is nobody’s import/],
]

for (const [from, to, pattern] of forbidden) {
  test(`${from} may not import ${to}`, () => {
    const complaints = complaintsAboutImport(from, to)
    assert.equal(complaints.length, 1, complaints.join('\n'))
    assert.match(complaints[0], pattern)
    assert.ok(complaints[0].startsWith(`${source}/${from}:1: `))
  })
}

const allowed = [
  ['test-kit/core-queue.ts', 'app/core-of.ts'],
  ['base/a.ts', 'base/net/connection.ts'],
  ['storage/disk/thread.ts', 'storage/disk.ts'],
  ['core/queue/queue.ts', 'core/auth/users.ts'],
  ['protocols/amqp/session.ts', 'core/auth/users.ts'],
  ['protocols/amqp/handlers/queue.ts', 'protocols/amqp/codec/frame.ts'],
  ['protocols/amqp/head.ts', 'protocols/head.ts'],
  ['protocols/amqp/codec/parts/a.ts', 'protocols/amqp/codec/b.ts'],
  ['protocols/amqp/codec/a.test.ts', 'protocols/amqp/session.ts'],
  ['protocols/amqp/a.test.ts', 'testing/clock.ts'],
  ['testing/clock.ts', 'protocols/amqp/session.ts'],
  ['index.ts', 'protocols/amqp/session.ts'],
  ['cli.ts', 'index.ts'],
]

for (const [from, to] of allowed) {
  test(`${from} may import ${to}`, () => assert.deepEqual(complaintsAboutImport(from, to), []))
}

test('core may import the types of storage', () => {
  for (const names of ['type { x }', '{ type x, type y }']) {
    const line = (specifier) => `import ${names} from '${specifier}'\n`
    assert.deepEqual(complaintsAboutImport('core/a.ts', 'storage/b.ts', line), [])
  }
  const mixed = (specifier) => `import { type x, y } from '${specifier}'\n`
  assert.equal(complaintsAboutImport('core/a.ts', 'storage/b.ts', mixed).length, 1)
})

test('an import over several lines, a bare one, a lazy one and a re-export are all seen', () => {
  for (const line of [
    (specifier) => `import {\n  a,\n  b,\n} from '${specifier}'\n`,
    (specifier) => `import '${specifier}'\n`,
    (specifier) => `const a = await import('${specifier}')\n`,
    (specifier) => `export { a } from '${specifier}'\n`,
    (specifier) => `export type A = import('${specifier}').A\n`,
  ]) {
    const complaints = complaintsAboutImport('base/a.ts', 'core/b.ts', line)
    assert.equal(complaints.length, 1, line('x'))
  }
})

test('what only looks like an import is none', () => {
  const text = `/**\n * import { a } from '../core/b.ts' and import('../core/b.ts')\n */
// import('../core/b.ts')
export const a: 'from' = 'from'
export function b(c: string = 'd'): string { return c }
`
  assert.deepEqual(complaintsAbout({ 'base/a.ts': text }), [])
})

test('each node: module has its room', () => {
  const owners = {
    net: 'base/net',
    tls: 'base/net',
    fs: 'storage/disk',
    worker_threads: 'storage/disk',
    crypto: 'core/auth',
    http: 'admin',
    os: 'app',
    process: 'app',
    zlib: 'app',
  }
  // Besides its owner: what a data directory's lock, and the checks of what is written, cannot do without.
  const shared = { fs: 'app', process: 'storage/disk', zlib: 'storage/disk' }
  const folders = ['base', 'storage', 'core', 'protocols/amqp', ...new Set(Object.values(owners))]
  for (const [module, owner] of Object.entries(owners)) {
    for (const folder of folders) {
      const complaints = complaintsAbout({ [`${folder}/a.ts`]: importLine(`node:${module}`) })
      const isAllowed = folder === owner || folder === shared[module]
      assert.equal(complaints.length, isAllowed ? 0 : 1, `node:${module} in ${folder}`)
    }
    assert.deepEqual(complaintsAbout({ 'core/a.test.ts': importLine(`node:${module}`) }), [])
  }
})

test('a package is for app and admin, and only if the broker declares it', () => {
  assert.deepEqual(complaintsAbout({ 'app/a.ts': importLine('declared/sub') }), [])
  assert.match(complaintsAbout({ 'app/a.ts': importLine('@other/b') })[0], /@other\/b is not among/)
  assert.match(complaintsAbout({ 'core/a.ts': importLine('declared') })[0], /libraries are for app/)
  assert.deepEqual(complaintsAbout({ 'core/a.test.ts': importLine('other') }), [])
})

test('a circle is found, one of types is none', () => {
  const circle = complaintsAbout({
    'base/a.ts': importLine('./b.ts'),
    'base/b.ts': importLine('./c.ts'),
    'base/c.ts': importLine('./a.ts'),
  })
  assert.equal(circle.length, 1)
  assert.match(circle[0], /circle .*a\.ts → .*b\.ts → .*c\.ts → .*a\.ts/)
  const types = {
    'base/a.ts': importLine('./b.ts'),
    'base/b.ts': "import type { x } from './a.ts'\n",
  }
  assert.deepEqual(complaintsAbout(types), [])
})

test('a barrel and an import without its ending are found', () => {
  const files = { 'base/a.ts': "export * from './b.ts'\n", 'base/b.ts': '' }
  assert.match(complaintsAbout(files)[0], /import the file that defines it/)
  assert.match(complaintsAbout({ ...files, 'base/a.ts': importLine('./b') })[0], /does not exist/)
})

test('500 lines are the limit in packages, but not for tests and generated files', () => {
  const long = 'a()\n'.repeat(501)
  assert.match(complaintsAbout({ 'base/a.ts': long })[0], /501 lines/)
  assert.deepEqual(complaintsAbout({ 'base/a.ts': 'a()\n'.repeat(500) }), [])
  const unbounded = ['base/a.test.ts', 'base/b.generated.ts', 'bench/c.mjs', 'conformance/d.ts']
  assert.deepEqual(complaintsAbout(Object.fromEntries(unbounded.map((path) => [path, long]))), [])
})

test('marks of unfinished work are found, a to-do with an issue is none', () => {
  const mark = ['FIX', 'ME'].join('')
  const toDo = ['TO', 'DO'].join('')
  assert.equal(complaintsAbout({ 'bench/a.mjs': `// ${mark} later\n` }).length, 1)
  assert.equal(complaintsAbout({ 'base/a.ts': `// ${toDo} later\n` }).length, 1)
  assert.deepEqual(complaintsAbout({ 'base/a.ts': `// ${toDo}(#12) later\n` }), [])
})
