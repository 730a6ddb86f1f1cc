/**
 * The import rules of the house: which room may import which, which room owns which node: module,
 * no circles, no barrels, and the bound on a file's length. ARCHITECTURE.md has the table in words.
 *
 *   node scripts/check-imports.mjs [folder]
 */
import fs from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'

const SOURCE = 'packages/broker/src'
const FILE_LINES_MAX = 500
const TEST_FILE = /\.(test|fuzz|bench)\.(ts|mjs)$/

/**
 * The room with the longest matching folder is a file's room. `imports` are the rooms it may
 * import beside itself, `types` those of which it may import types only, `modules` the node:
 * modules that are its own. '*' is everything.
 */
const rooms = [
  { room: 'base', imports: ['base/net'] },
  { room: 'base/net', imports: ['base'], modules: ['net', 'tls'] },
  { room: 'storage', imports: ['base', 'base/net'] },
  {
    room: 'storage/disk',
    imports: ['base', 'base/net', 'storage'],
    // Files by calls that block, on threads of their own; module and process tell what a thread and the lock need to know.
    modules: ['fs', 'module', 'process', 'worker_threads', 'zlib'],
  },
  { room: 'core', imports: ['base', 'core/auth'], types: ['storage'] },
  { room: 'core/auth', imports: ['base', 'core'], modules: ['crypto'] },
  // What the heads have in common with one another: the interface that a broker sees of them.
  { room: 'protocols', imports: ['base', 'base/net', 'core'] },
  {
    room: 'protocols/*',
    imports: ['base', 'base/net', 'core', 'core/auth', 'protocols', 'protocols/*/codec'],
  },
  { room: 'protocols/*/codec', imports: ['base'] },
  {
    room: 'admin',
    imports: ['base', 'base/net', 'core', 'core/auth'],
    modules: ['http', 'https'],
    packages: true,
  },
  { room: 'app', imports: ['*'], modules: ['*'], packages: true },
  // The client of the control API.
  { room: 'app/commands', imports: ['*'], modules: ['*', 'http'], packages: true },
  // Part of the package, as `polymq/testing`: it starts what app puts together, and opens nothing itself.
  { room: 'test-kit', imports: ['*'] },
  { room: 'testing', imports: ['*'], modules: ['*'] },
]

/** node: modules that nobody owns: they touch nothing outside the process. */
const freeModules = new Set([
  'assert',
  'assert/strict',
  'buffer',
  'diagnostics_channel',
  'events',
  'perf_hooks',
  'stream',
  'string_decoder',
  'url',
  'util',
])

/** `app` may use every module but these, which are other rooms' own. */
const notForApp = new Set(['net', 'tls', 'worker_threads', 'crypto', 'http', 'https'])

/** All complaints about the tree under `root`, each as `file:line: what`. */
export function checkTree(root) {
  const files = fs.globSync('{packages,conformance,bench,scripts,examples}/**/*.{ts,mjs,js}', {
    cwd: root,
    exclude: (path) => /(^|\/)(node_modules|dist|fixtures)(\/|$)/.test(String(path)),
  })
  const complaints = []
  const graph = new Map()
  for (const file of files.sort()) {
    const text = fs.readFileSync(join(root, file), 'utf8')
    const report = (line, what) => complaints.push(`${file}:${line}: ${what}`)
    checkText({ file, text, report })
    if (!file.startsWith('packages/')) continue
    const imports = findImports(text)
    for (const each of imports) checkImport({ root, file, each, report })
    graph.set(
      file,
      imports.filter((each) => !each.isType && !each.isLazy).map((each) => target(file, each)),
    )
  }
  return [...complaints, ...findCircles(graph)]
}

function checkText({ file, text, report }) {
  const lines = text.split('\n')
  // A driver of bench/ or a suite of conformance/ is read on its own, and may be as long as it is.
  const isBounded =
    file.startsWith('packages/') && !TEST_FILE.test(file) && !file.includes('.generated.')
  if (isBounded && lines.length - 1 > FILE_LINES_MAX) {
    report(FILE_LINES_MAX, `${lines.length - 1} lines; ${FILE_LINES_MAX} are the limit`)
  }
  // Taken apart, so that this file does not complain about itself.
  const fix = new RegExp(`\\b(${'FIX'}${'ME'}|${'XX'}${'X'})\\b`)
  const todo = new RegExp(`\\b${'TO'}${'DO'}\\b(?! ?\\(?#\\d)`)
  for (const [index, line] of lines.entries()) {
    if (fix.test(line)) report(index + 1, `${fix.exec(line)[0]}: fix it, or file an issue`)
    if (todo.test(line)) report(index + 1, 'a to-do carries the number of its issue, as in (#12)')
  }
}

const IMPORT =
  /^[ \t]*(import|export)\s+(type\s+)?((?:[\w$*\s,]|\{[^}]*\})*?)\s*from\s*(['"])([^'"\n]+)\4/gm
const BARE_IMPORT = /^[ \t]*import\s*(['"])([^'"\n]+)\1/gm
const LAZY_IMPORT = /\bimport\(\s*(['"])([^'"\n]+)\1/g

/** Relies on the formatter: an import starts its line, and what starts with a comment is none. */
function findImports(text) {
  const found = []
  for (const match of text.matchAll(IMPORT)) {
    found.push({
      specifier: match[5],
      line: lineOf(text, match.index),
      isType: match[2] !== undefined || namesOnlyTypes(match[3]),
      isLazy: false,
      isBarrel: match[1] === 'export' && match[3].includes('*'),
    })
  }
  const plain = { isType: false, isLazy: false, isBarrel: false }
  for (const match of text.matchAll(BARE_IMPORT)) {
    found.push({ ...plain, specifier: match[2], line: lineOf(text, match.index) })
  }
  for (const match of text.matchAll(LAZY_IMPORT)) {
    const lineStart = text.lastIndexOf('\n', match.index) + 1
    if (/^\s*(\*|\/\/|\/\*)/.test(text.slice(lineStart, match.index + 1))) continue
    found.push({ ...plain, isLazy: true, specifier: match[2], line: lineOf(text, match.index) })
  }
  return found
}

/** `{ type A, type B }`. */
function namesOnlyTypes(clause) {
  const names = /^\s*\{([^}]*)\}\s*$/.exec(clause)?.[1]?.split(',') ?? []
  const written = names.map((name) => name.trim()).filter((name) => name !== '')
  return written.length > 0 && written.every((name) => name.startsWith('type '))
}

function lineOf(text, index) {
  return text.slice(0, index).split('\n').length
}

/** The file that a relative import names, from the root; undefined for a package or module. */
function target(file, { specifier }) {
  if (!specifier.startsWith('.')) return undefined
  return relative('/', resolve('/', dirname(file), specifier))
}

function checkImport({ root, file, each, report }) {
  const complain = (what) => report(each.line, what)
  const room = roomOf(file)
  const isTest = TEST_FILE.test(file) || room?.name === 'testing'
  if (each.isBarrel && file !== `${SOURCE}/index.ts`) {
    complain(`export * from '${each.specifier}': import the file that defines it`)
  }
  if (each.specifier.startsWith('node:')) {
    if (!isTest) checkModule({ room, module: each.specifier.slice(5), complain })
  } else if (each.specifier.startsWith('.')) {
    checkFile({ root, file, room, each, isTest, complain })
  } else if (!isTest) {
    checkPackage({ root, file, room, each, complain })
  }
}

function checkModule({ room, module, complain }) {
  if (room === undefined || freeModules.has(module)) return
  const own = room.rule.modules ?? []
  if (own.includes(module) || (own.includes('*') && !notForApp.has(module))) return
  complain(`node:${module} is not for ${room.name}`)
}

function checkPackage({ root, file, room, each, complain }) {
  const name = each.specifier.split('/', each.specifier.startsWith('@') ? 2 : 1).join('/')
  if (room !== undefined && !room.rule.packages) {
    complain(`package ${name}: libraries are for app and admin, and handed in from there`)
  }
  const manifest = join(root, file.split('/', 2).join('/'), 'package.json')
  const declared = JSON.parse(fs.readFileSync(manifest, 'utf8')).dependencies ?? {}
  if (!(name in declared)) complain(`package ${name} is not among the dependencies in ${manifest}`)
}

function checkFile({ root, file, room, each, isTest, complain }) {
  const path = target(file, each)
  if (!fs.existsSync(join(root, path))) complain(`${each.specifier} does not exist`)
  if (room === undefined) return
  const other = roomOf(path)
  if (other === undefined) {
    complain(`${each.specifier} is outside ${SOURCE}`)
  } else if (other.name === 'testing') {
    if (!isTest) complain('testing is for tests only')
  } else if (TEST_FILE.test(path)) {
    complain('a test is nobody’s import')
  } else if (!mayImport({ room, other, isType: each.isType, isTest })) {
    const types = mayImport({ room, other, isType: true, isTest }) ? ' (its types only)' : ''
    complain(`${room.name} may not import ${other.name}${types}`)
  }
}

function mayImport({ room, other, isType, isTest }) {
  if (room.name === other.name) return true
  // A helper of the tests may know every room but the one that reads environment and flags.
  if (room.name === 'testing') return other.name !== 'app'
  if (allows(room.rule.imports, other, room)) return true
  if (isType && allows(room.rule.types ?? [], other, room)) return true
  // Tests of what is kept put together what app puts together for the program.
  if (isTest && /^(core|storage)/.test(room.name) && /^storage/.test(other.name)) return true
  // A codec's tests may bring in the rest of its head.
  return isTest && room.head !== undefined && room.head === other.head
}

function allows(names, other, room) {
  return names.some((name) => {
    if (name === '*') return true
    return name.replace('protocols/*', `protocols/${room.head}`) === other.name
  })
}

/** The room of a file of the broker; of the files beside the rooms (index.ts, cli.ts), app. */
function roomOf(path) {
  if (!path.startsWith(`${SOURCE}/`)) return undefined
  const parts = path.slice(SOURCE.length + 1).split('/')
  const folders = parts.slice(0, -1)
  const head = folders[0] === 'protocols' ? folders[1] : undefined
  for (let length = folders.length; length > 0; length--) {
    const name = folders.slice(0, length).join('/')
    const pattern = head === undefined ? name : name.replace(`protocols/${head}`, 'protocols/*')
    const rule = rooms.find((each) => each.room === pattern)
    if (rule !== undefined) return { name, rule, head }
  }
  return { name: 'app', rule: rooms.find((each) => each.room === 'app'), head: undefined }
}

/** Circles among what is needed when a file is loaded; types and lazy imports do not count. */
function findCircles(graph) {
  const complaints = []
  const done = new Set()
  const visit = (file, path) => {
    const start = path.indexOf(file)
    if (start >= 0) complaints.push(`${file}:1: circle ${[...path.slice(start), file].join(' → ')}`)
    if (start >= 0 || done.has(file)) return
    for (const next of graph.get(file) ?? []) if (next !== undefined) visit(next, [...path, file])
    done.add(file)
  }
  for (const file of graph.keys()) visit(file, [])
  return complaints
}

/** Whether this file is the command; `import.meta.main` is younger than the Nodes to be told so. */
const isMain =
  process.argv[1] !== undefined && resolve(process.argv[1]) === fileURLToPath(import.meta.url)

if (isMain && fs.globSync === undefined) {
  console.error(
    `This needs Node 22.18 or newer: npm run imports brings one. This is ${process.version}.`,
  )
  process.exitCode = 78
} else if (isMain) {
  const root = process.argv[2] ?? fileURLToPath(new URL('..', import.meta.url))
  const complaints = checkTree(root)
  for (const complaint of complaints) console.error(complaint)
  process.exitCode = complaints.length === 0 ? 0 : 1
}
