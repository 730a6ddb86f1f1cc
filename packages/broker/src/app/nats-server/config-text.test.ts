import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readConfig } from './config-text.ts'
import { isBlock, isList, type Value } from './config-tree.ts'
import { configLimits } from './limits.ts'

type Plain = string | number | boolean | Plain[] | { [key: string]: Plain }

/** Without the places. */
function plain({ content }: Value): Plain {
  if (isBlock(content)) {
    return Object.fromEntries([...content].map(([key, { value }]) => [key, plain(value)]))
  }
  return isList(content) ? content.map(plain) : (content as Plain)
}

interface Given {
  readonly env?: Readonly<Record<string, string>>
  /** By path, beside main.conf. */
  readonly files?: Readonly<Record<string, string>>
}

function read(text: string, { env = {}, files = {} }: Given = {}): Plain {
  const all: Readonly<Record<string, string>> = { '/etc/main.conf': text, ...files }
  const config = readConfig({
    file: '/etc/main.conf',
    env,
    read: (file) => all[file] ?? assert.fail(`no file ${file}`),
  })
  return plain({ content: config, place: { file: '', line: 0, column: 0 } })
}

test('a key and its value are parted by =, by : or by a space, and a line has one of them', () => {
  assert.deepEqual(read('a = 1\nb: 2\nc 3\nd=4; e:5, f 6'), { a: 1, b: 2, c: 3, d: 4, e: 5, f: 6 })
})

test('JSON is read', () => {
  const json = { port: 4222, a: { b: [1, 'x', true, { c: 'd e' }] }, empty: {}, none: [] }
  assert.deepEqual(read(JSON.stringify(json)), json)
  assert.deepEqual(read(JSON.stringify(json, null, 2)), json)
})

test('comments begin with # or //, but not within a text', () => {
  const text = '# first\n// second\nurl: nats://host:1/a#b # third\nlist: [1, // one\n 2 # two\n]\n'
  assert.deepEqual(read(text), { url: 'nats://host:1/a#b', list: [1, 2] })
})

test('blocks and lists lie in one another; in a list a line break is a comma', () => {
  const text = `
    authorization {
      users [
        { user: a, password: "b c" }
        { user = d
          password = 'e"f' }
      ]
      timeout: 1.5
    }
    server_tags [
id:x
 ]
`
  assert.deepEqual(read(text), {
    authorization: {
      users: [
        { user: 'a', password: 'b c' },
        { user: 'd', password: 'e"f' },
      ],
      timeout: 1.5,
    },
    server_tags: ['id:x'],
  })
})

test('a word is a switch, a number, a size or a text', () => {
  const words = {
    yes: true,
    ON: true,
    false: false,
    '-1': -1,
    '2.5': 2.5,
    '8k': 8000,
    '8KB': 8192,
    '1MiB': 1_048_576,
    '2g': 2_000_000_000,
    '127.0.0.1:-1': '127.0.0.1:-1',
    '4222x': '4222x',
    '1h2m': '1h2m',
    '1.2.3': '1.2.3',
    'a\\x20b\\tc': 'a b\tc',
    $2a$11$abc: '$2a$11$abc',
  }
  for (const [word, meant] of Object.entries(words)) {
    assert.deepEqual(read(`key: ${word}`), { key: meant }, word)
  }
  assert.deepEqual(read('key: "yes"'), { key: 'yes' })
  assert.deepEqual(read("key: '8k'"), { key: '8k' })
})

test('a text in quotes has escapes, one in brackets has none', () => {
  assert.deepEqual(read('key: "a\\n\\"b\\\\ \\x41"'), { key: 'a\n"b\\ A' })
  assert.deepEqual(read('key (\n  { "a": \\n }\n)\nnext: 1'), {
    key: '\n  { "a": \\n }\n',
    next: 1,
  })
})

test('a variable is a key of a block around it, else of the environment', () => {
  const text = 'port = 4222\ninner { port = 1, a = $port, deeper { b = $port } }\nc = $port'
  assert.deepEqual(read(text), { port: 4222, inner: { port: 1, a: 1, deeper: { b: 1 } }, c: 4222 })
  const env = { SIZE: '8KB', LIST: '[1, 2]', OUTER: '$SIZE', TEXT: '"a b"' }
  assert.deepEqual(read('a: $SIZE\nb: $LIST\nc: $OUTER\nd: $TEXT', { env }), {
    a: 8192,
    b: [1, 2],
    c: 8192,
    d: 'a b',
  })
})

test('a key that only a variable names is known as used', () => {
  const config = readConfig({
    file: 'c',
    env: {},
    read: () => 'MINE = 1\nOTHER = 2\nport = $MINE',
  })
  assert.equal(config.get('MINE')?.isUsed, true)
  assert.equal(config.get('OTHER')?.isUsed, false)
})

test('what is included stands as if it were written there, its path is meant from where the file is', () => {
  const files = {
    '/etc/users/all.conf': 'users [{user: a}]\ninclude deep/more.conf',
    '/etc/users/deep/more.conf': 'timeout: 3',
  }
  assert.deepEqual(read(`authorization {\n include 'users/all.conf'\n}\nport: 1`, { files }), {
    authorization: { users: [{ user: 'a' }], timeout: 3 },
    port: 1,
  })
})

test('of two values of one key the later holds; no key reaches what is not its own', () => {
  assert.deepEqual(read('a: 1\na: 2'), { a: 2 })
  const config = read('__proto__ { polluted: true }\nconstructor: 1')
  assert.deepEqual(Object.keys(config as object), ['__proto__', 'constructor'])
  assert.equal(({} as Record<string, unknown>)['polluted'], undefined)
})

test('a fault is told with its file, line and column', () => {
  const faults: Readonly<Record<string, RegExp>> = {
    'a: 1\n b {\n  c: [1, 2\n': /^\/etc\/main\.conf:4:1: \] is missing/,
    'a {': /:1:4: } is missing/,
    'a: 1 2': /:1:6: a value ends with its line/,
    'a:\n': /:1:3: a value is missing/,
    '= 1': /:1:1: a key is missing before '='/,
    'a: "x': /:1:5: the end of the text is missing/,
    'a: "\\q"': /:1:6: no escape: \\q/,
    'a: [,]': /:1:5: a value is missing before the comma/,
    'a: [1 2]': /:1:7: a comma or ] is missing/,
    'a: $NONE': /:1:4: there is no variable NONE/,
    '{a: 1': /:1:6: } is missing at the end/,
    '{a: 1} b': /:1:8: nothing may follow here, not 'b'/,
    'a: 99999999999999999999': /:1:4: a number this large has no use here/,
    '\n\ninclude none.conf': /:3:9: cannot include 'none\.conf': no file/,
  }
  for (const [text, message] of Object.entries(faults)) {
    assert.throws(() => read(text), { name: 'ConfigError', message }, text)
  }
})

test('what would go on for ever is refused', () => {
  const env = { A: '$B', B: '$A' }
  assert.throws(() => read('a: $A', { env }), /variable A refers to itself/)
  const files = { '/etc/loop.conf': 'include loop.conf' }
  assert.throws(() => read('include loop.conf', { files }), /more than 64 files/)
  const { depthMax } = configLimits
  assert.throws(() => read(`a: ${'['.repeat(depthMax + 1)}`), /in one another/)
  assert.throws(() => read(' '.repeat(configLimits.fileBytesMax + 1)), /more than \d+ bytes/)
})

test('every beginning of a configuration is read or refused, and nothing else happens', () => {
  const text = 'a { b: [1, "x\\n", {c: $port}] } // d\nport = 8MB; (\n)\n'
  for (let end = 0; end <= text.length; end++) {
    try {
      read(text.slice(0, end), { env: { port: '1' } })
    } catch (error) {
      assert.equal((error as Error).name, 'ConfigError', `${end}: ${String(error)}`)
    }
  }
})
