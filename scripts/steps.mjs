/**
 * What `npm run check` and `npm test` are made of:
 *
 *   node scripts/steps.mjs types lint format imports unit clients disk examples
 *
 * The first four are quiet unless they fail, and run two at a time; tests follow one after the
 * other, so that the test runner's own closing lines stay the last to be read. A step that fails
 * stops none of the others: one run tells everything.
 */
import { spawn } from 'node:child_process'
import fs from 'node:fs'
import { availableParallelism } from 'node:os'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))
const bin = (path) => `node_modules/${path}`

const checks = {
  types: [bin('typescript/bin/tsc'), '--noEmit', '-p', 'tsconfig.json'],
  lint: [
    bin('eslint/bin/eslint.js'),
    ...['--config', 'scripts/lint/eslint.config.mjs', '--no-warn-ignored', '.'],
  ],
  format: [bin('prettier/bin/prettier.cjs'), '--check', '--cache', '--log-level=warn', '.'],
  imports: ['scripts/check-imports.mjs'],
}

const tests = {
  unit: { files: '{packages/*/src/**/*.test.ts,scripts/*.test.mjs}', timeoutMs: 60_000 },
  clients: { files: 'conformance/**/*.test.ts', timeoutMs: 180_000 },
  // What clients see must not depend on where it is kept.
  disk: {
    files: 'conformance/{clients,amqp,kafka,crossing}/*.test.ts',
    timeoutMs: 180_000,
    environment: { POLYMQ_TEST_DURABILITY: 'sync' },
  },
  // Each in a process of its own; most of them wait for one another more than they work.
  examples: { files: 'examples/**/*.test.ts', timeoutMs: 180_000 },
}

const CHECKS_AT_ONCE = 2

/** The runner's own default leaves one core idle, which of two is half. */
const TEST_FILES_AT_ONCE = Math.max(2, availableParallelism() - 1)

async function main(names) {
  const unknown = names.filter((name) => !(name in checks) && !(name in tests))
  if (names.length === 0 || unknown.length > 0) {
    const known = Object.keys({ ...checks, ...tests }).join(' ')
    return fail(64, `${unknown.join(' ') || 'no step'}: the steps are ${known}`)
  }
  const failed = await runChecks(names.filter((name) => name in checks))
  for (const name of names.filter((each) => each in tests)) {
    if (!(await runTests(name))) failed.push(name)
  }
  if (failed.length > 0) fail(1, `failed: ${failed.join(', ')}`)
}

async function runChecks(names) {
  const failed = []
  const waiting = [...names]
  const worker = async () => {
    for (let name = waiting.shift(); name !== undefined; name = waiting.shift()) {
      if (!(await runCheck(name))) failed.push(name)
    }
  }
  await Promise.all(Array.from({ length: CHECKS_AT_ONCE }, worker))
  return failed
}

async function runCheck(name) {
  const start = performance.now()
  const { isOk, output } = await run(checks[name], 'pipe')
  const seconds = ((performance.now() - start) / 1000).toFixed(1)
  console.log(`${name.padEnd(8)} ${isOk ? 'ok' : 'FAILED'} in ${seconds} s`)
  if (!isOk) console.log(output)
  return isOk
}

async function runTests(name) {
  const { files, timeoutMs, environment = {} } = tests[name]
  const found = fs.globSync(files, { cwd: root }).sort()
  console.log(`${name}: ${found.length} files`)
  // Given no file, the runner would look for tests of its own.
  if (found.length === 0) return true
  const flags = [
    '--test',
    '--test-reporter=spec',
    `--test-timeout=${timeoutMs}`,
    // A failed test may leave a socket open: the run must end nonetheless.
    '--test-force-exit',
    `--test-concurrency=${TEST_FILES_AT_ONCE}`,
    // `polymq` by name is the sources, as under npm (.npmrc).
    '--conditions=polymq-source',
  ]
  const { isOk } = await run([...flags, ...found], 'inherit', environment)
  return isOk
}

/** Runs it by the Node that runs this: the pinned one, under npm. */
function run(args, output, environment = {}) {
  const env = { ...process.env, ...environment }
  const child = spawn(process.execPath, args, { cwd: root, env, stdio: ['ignore', output, output] })
  let text = ''
  child.stdout?.setEncoding('utf8').on('data', (chunk) => (text += chunk))
  child.stderr?.setEncoding('utf8').on('data', (chunk) => (text += chunk))
  return new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (code) => resolve({ isOk: code === 0, output: text }))
  })
}

function fail(code, message) {
  console.error(message)
  process.exitCode = code
}

const [major, minor] = process.versions.node.split('.').map(Number)
if (major < 22 || (major === 22 && minor < 18)) {
  fail(78, `This needs Node 22.18 or newer; npm install brings one. This is ${process.version}.`)
} else {
  await main(process.argv.slice(2))
}
