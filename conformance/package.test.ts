/** The package that npm makes, installed in an empty folder: what a user of it meets. */
import assert from 'node:assert/strict'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { before, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { connect } from 'amqplib'
import { Command, makeFolder } from './app/command.ts'
import {
  copyInto,
  installPackage,
  runNode,
  sourceFiles,
  type InstalledPackage,
} from './package/installed-package.ts'

const compiler = fileURLToPath(new URL('../node_modules/typescript/bin/tsc', import.meta.url))

const START_MS = 50

let installed: InstalledPackage

before(async () => {
  installed = await installPackage()
  for (const path of ['embed.mjs', 'user.ts', 'example']) await copyInto(installed.folder, path)
})

test('the tarball holds the command, JavaScript, declarations and what they read, and nothing of the tests', (t) => {
  const { files, bytes } = installed
  t.diagnostic(`${files.length} files, ${(bytes / 1024).toFixed(0)} KiB`)
  const needed = ['bin/polymq.js', 'LICENSE', 'README.md', 'package.json', 'dist/cli.js']
  const entries = ['dist/index', 'dist/test-kit/start-test-broker']
  const threads = ['dist/storage/disk/file-worker.js', 'dist/storage/disk/journal-worker.js']
  const read = sourceFiles('{admin,app}/**/*.{yaml,json}').map((path) => `dist/${path}`)
  for (const path of [
    ...needed,
    ...entries.flatMap((each) => [`${each}.js`, `${each}.d.ts`]),
    ...threads,
    ...read,
  ]) {
    assert.ok(files.includes(path), path)
  }
  const strange = files.filter((path) => {
    const isBuilt = /^dist\/.*\.(js|d\.ts|yaml|json)$/.test(path)
    const isOfTests = /\.(test|fuzz|bench)\.|\/(testing|fixtures|golden)\//.test(path)
    return (!isBuilt && !needed.includes(path)) || isOfTests
  })
  assert.deepEqual(strange, [])
})

test('no file of the package names another one by what it was called before it was built', async () => {
  const { folder, files } = installed
  for (const path of files.filter((each) => each.startsWith('dist/'))) {
    const text = await readFile(join(folder, 'node_modules/polymq', path), 'utf8')
    assert.doesNotMatch(text, /(from|import\()\s*'\.[^'\n]*\.ts'/, path)
  }
})

test('the command starts, serves a client, answers another command and stops', async (t) => {
  const command = await Command.start(t, { bin: installed.bin, cwd: installed.folder })
  const client = await connect(command.amqpUrl)
  const channel = await client.createConfirmChannel()
  await channel.assertQueue('orders')
  channel.sendToQueue('orders', Buffer.from('hello'))
  await channel.waitForConfirms()
  const message = await channel.get('orders', { noAck: true })
  assert.equal(message === false ? null : message.content.toString(), 'hello')
  await client.close()
  const url = /Control API +(\S+)/.exec(command.stdout)?.[1] ?? assert.fail(command.stdout)
  const listed = await runNode(installed.folder, [installed.bin, 'queue', 'ls', '--url', url])
  assert.match(listed, /\borders\b/)
  assert.equal(await command.interrupt(), 0)
})

test('a program embeds it, in memory and with a data directory', async () => {
  const { folder } = installed
  assert.equal(await runNode(folder, ['embed.mjs']), 'hello\n')
  assert.equal(await runNode(folder, ['embed.mjs', await makeFolder()]), 'hello\n')
})

test('a program of CommonJS embeds it as well', async () => {
  const program = `
    const { startBroker } = require('polymq')
    const { startTestBroker } = require('polymq/testing')
    startBroker({ amqp: { port: 0 } }).then(async (broker) => {
      await broker.close()
      const test = await startTestBroker()
      await test.close()
      console.log('closed')
    })`
  const path = join(installed.folder, 'program.cjs')
  await writeFile(path, program)
  assert.equal(await runNode(installed.folder, [path]), 'closed\n')
})

test('the test kit serves the tests of a user', async () => {
  const out = await runNode(installed.folder, [
    '--test',
    '--test-reporter=tap',
    'example/order-service.test.ts',
  ])
  assert.match(out, /^# pass 2$/m)
  assert.match(out, /^# fail 0$/m)
})

test('the first test broker is there in less than 50 ms after the import', async (t) => {
  const program = `
    import { startTestBroker } from 'polymq/testing'
    const startMs = performance.now()
    const broker = await startTestBroker()
    console.log(performance.now() - startMs)
    await broker.close()`
  const path = join(installed.folder, 'measure.mjs')
  await writeFile(path, program)
  // The first that is: other tests have the machine, too.
  const runs: number[] = []
  do runs.push(Number(await runNode(installed.folder, [path])))
  while ((runs.at(-1) ?? 0) >= START_MS && runs.length < 10)
  t.diagnostic(`${runs.map((ms) => ms.toFixed(1)).join(', ')} ms`)
  assert.ok((runs.at(-1) ?? 0) < START_MS, `${runs.join()} ms`)
})

for (const [name, flags] of [
  ['nodenext', ['--module', 'nodenext']],
  ['a bundler', ['--module', 'esnext', '--moduleResolution', 'bundler']],
] as const) {
  test(`a strict program type-checks against the declarations, resolved as by ${name}`, async () => {
    const { folder } = installed
    const strict = ['--strict', '--exactOptionalPropertyTypes', '--noEmit', '--target', 'es2024']
    const lib = ['--lib', 'es2024,esnext.disposable', '--types', 'node']
    await runNode(folder, [
      compiler,
      ...strict,
      ...lib,
      ...flags,
      '--skipLibCheck',
      'false',
      'user.ts',
    ])
  })
}
