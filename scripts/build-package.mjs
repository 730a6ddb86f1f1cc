/**
 * Builds what `npm pack` puts into the package: JavaScript and declarations of the sources without the tests, and the files that the
 * sources read. Run by npm (`prepack` in packages/broker); nothing in the repository uses what it makes.
 *
 *   node scripts/build-package.mjs
 */
import { spawnSync } from 'node:child_process'
import fs from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))
const broker = join(root, 'packages/broker')
const source = join(broker, 'src')
const built = join(broker, 'dist')

/** What `exports` in the package's package.json names. */
const ENTRIES = ['index.d.ts', 'test-kit/start-test-broker.d.ts']

/** `from './file.ts'`, or an import() of a type. */
const SOURCE_SPECIFIER = /((?:from|import\()\s*'(\.[^'\n]*))\.ts'/g

/** Read at run time by what lies beside them. */
const ASSETS = '**/*.{yaml,json,html,css}'

/** Tests and what only they use; the compiler is told the same in tsconfig.build.json. */
const NOT_SHIPPED = /(^|\/)(testing|fixtures|golden)(\/|$)/

// What was renamed since the last build must not be shipped.
fs.rmSync(built, { recursive: true, force: true })
compile()
keepPublicDeclarations()
copyAssets()
fs.copyFileSync(join(root, 'README.md'), join(broker, 'README.md'))

function compile() {
  const compiler = join(root, 'node_modules/typescript/bin/tsc')
  const args = [compiler, '-p', join(broker, 'tsconfig.build.json')]
  // What it complains about must not get into what `npm pack --json` prints.
  const { status } = spawnSync(process.execPath, args, {
    stdio: ['ignore', process.stderr, 'inherit'],
  })
  if (status !== 0) process.exit(status ?? 1)
}

/**
 * Of the declarations those stay that a user can meet, from the entries on. The compiler rewrites import specifiers of JavaScript, but not
 * those of declarations; old compilers stumble over a `.ts` in them.
 */
function keepPublicDeclarations() {
  const kept = new Set()
  const waiting = ENTRIES.map((entry) => join(built, entry))
  for (let path = waiting.pop(); path !== undefined; path = waiting.pop()) {
    if (kept.has(path)) continue
    kept.add(path)
    const text = fs.readFileSync(path, 'utf8')
    fs.writeFileSync(path, text.replaceAll(SOURCE_SPECIFIER, "$1.js'"))
    for (const [, , specifier] of text.matchAll(SOURCE_SPECIFIER)) {
      waiting.push(join(dirname(path), `${specifier}.d.ts`))
    }
  }
  for (const file of fs.globSync('**/*.d.ts', { cwd: built })) {
    if (!kept.has(join(built, file))) fs.rmSync(join(built, file))
  }
}

function copyAssets() {
  for (const file of fs.globSync(ASSETS, { cwd: source })) {
    if (NOT_SHIPPED.test(file)) continue
    fs.mkdirSync(dirname(join(built, file)), { recursive: true })
    fs.copyFileSync(join(source, file), join(built, file))
  }
}
