/** What a value of the configuration must be. Each throws a ConfigError that says so. */
import { ConfigError, isBlock, isList, type Block, type Entry, type Value } from './config-tree.ts'

export function fault(entry: Entry, what: string): ConfigError {
  return new ConfigError(entry.place, what)
}

export function textOf(entry: Entry): string {
  const { content } = entry.value
  if (typeof content === 'string') return content
  throw fault(entry, `${entry.name} must be a text${inQuotes(content)}`)
}

/** `pass: 1234` is a number, which is seldom what was meant. */
function inQuotes(content: Value['content']): string {
  return typeof content === 'number' || typeof content === 'boolean' ? ': put it in quotes' : ''
}

export function switchOf(entry: Entry): boolean {
  const { content } = entry.value
  if (typeof content === 'boolean') return content
  throw fault(entry, `${entry.name} must be true or false`)
}

export function wholeOf(entry: Entry): number {
  const { content } = entry.value
  if (typeof content === 'number' && Number.isInteger(content)) return content
  throw fault(entry, `${entry.name} must be a whole number`)
}

export function blockOf(entry: Entry): Block {
  const { content } = entry.value
  if (isBlock(content)) return content
  throw fault(entry, `${entry.name} must be a block { … }`)
}

export function blocksOf(entry: Entry): readonly Block[] {
  const { content } = entry.value
  if (!isList(content)) throw fault(entry, `${entry.name} must be a list [ … ]`)
  return content.map((each) => {
    if (isBlock(each.content)) return each.content
    throw new ConfigError(each.place, `each of ${entry.name} must be a block { … }`)
  })
}

/** `"10s"`; a bare number is seconds. */
export function msOf(entry: Entry): number {
  const { content } = entry.value
  if (typeof content === 'number' && content >= 0) return Math.round(content * 1000)
  const ms = typeof content === 'string' ? parseDurationMs(content) : null
  if (ms !== null) return ms
  throw fault(entry, `${entry.name} must be a time, as in "2m", "1.5s" or "500ms"`)
}

export interface ListenAddress {
  /** Undefined where only a port is given. */
  readonly host: string | undefined
  readonly port: number
}

/** A port, or `host:port`. */
export function listenOf(entry: Entry): ListenAddress {
  const { content } = entry.value
  if (typeof content === 'number') return { host: undefined, port: portOf(entry) }
  const parts = typeof content === 'string' ? /^(.*):(-?\d+)$/.exec(content) : null
  if (parts === null) throw fault(entry, `${entry.name} must be a port or host:port`)
  const [, host = '', port] = parts
  return {
    host: host === '' ? undefined : host.replace(/^\[(.*)\]$/, '$1'),
    port: checkPort(entry, Number(port)),
  }
}

export function portOf(entry: Entry): number {
  return checkPort(entry, wholeOf(entry))
}

const PORT_MAX = 65_535

export function isPort(port: number): boolean {
  return Number.isInteger(port) && port >= -1 && port <= PORT_MAX
}

function checkPort(entry: Entry, port: number): number {
  if (isPort(port)) return port
  throw fault(entry, `${entry.name} must be a port up to ${PORT_MAX}, or -1 for any free one`)
}

const unitsMs: ReadonlyMap<string, number> = new Map([
  ['ns', 1e-6],
  ['us', 1e-3],
  ['µs', 1e-3],
  ['ms', 1],
  ['s', 1000],
  ['m', 60_000],
  ['h', 3_600_000],
])

/** A duration as Go writes it, `1h2m3.5s`; null if it is none, or negative. */
export function parseDurationMs(text: string): number | null {
  if (text === '0') return 0
  if (!/^(?:\d+(?:\.\d*)?(?:ns|us|µs|ms|s|m|h))+$/.test(text)) return null
  let ms = 0
  for (const [, count, unit = ''] of text.matchAll(/(\d+(?:\.\d*)?)(ns|us|µs|ms|s|m|h)/g)) {
    ms += Number(count) * (unitsMs.get(unit) ?? 0)
  }
  return Number.isSafeInteger(Math.round(ms)) ? Math.round(ms) : null
}
