/** The flags of nats-server, read as Go reads flags: `-flag`, `--flag`, `-flag=value`, `-flag value`; a switch takes its value behind `=` only. */

export type FlagKind = 'switch' | 'whole' | 'text'

/** Further names of one flag follow its first. */
const flags: readonly (readonly [kind: FlagKind, ...names: string[]])[] = [
  ['switch', 'help', 'h'],
  ['switch', 'help_tls'],
  ['switch', 'version', 'v'],
  ['whole', 'port', 'p'],
  ['text', 'server_name', 'name', 'n'],
  ['text', 'addr', 'a', 'net'],
  ['text', 'client_advertise'],
  ['switch', 'debug', 'D'],
  ['switch', 'trace', 'V'],
  ['switch', 'VV'],
  ['switch', 'DV'],
  ['switch', 'DVV'],
  ['switch', 'logtime', 'T'],
  ['switch', 'logtime_utc'],
  ['text', 'user'],
  ['text', 'pass'],
  ['text', 'auth'],
  ['whole', 'http_port', 'm'],
  ['whole', 'https_port', 'ms'],
  ['text', 'config', 'c'],
  ['switch', 't'],
  ['text', 'signal', 'sl'],
  ['text', 'pid', 'P'],
  ['text', 'ports_file_dir'],
  ['text', 'log', 'l'],
  ['whole', 'log_size_limit'],
  ['switch', 'syslog', 's'],
  ['text', 'remote_syslog', 'r'],
  ['whole', 'profile'],
  ['text', 'routes'],
  ['text', 'cluster', 'cluster_listen'],
  ['text', 'cluster_advertise'],
  ['switch', 'no_advertise'],
  ['whole', 'connect_retries'],
  ['text', 'cluster_name'],
  ['switch', 'tls'],
  ['switch', 'tlsverify'],
  ['text', 'tlscert'],
  ['text', 'tlskey'],
  ['text', 'tlscacert'],
  ['whole', 'max_traced_msg_len'],
  ['switch', 'jetstream', 'js'],
  ['text', 'store_dir', 'sd'],
]

interface Flag {
  /** The first name. */
  readonly name: string
  readonly kind: FlagKind
}

const byName: ReadonlyMap<string, Flag> = new Map(
  flags.flatMap(([kind, ...names]) =>
    names.map((each) => [each, { name: names[0] as string, kind }] as const),
  ),
)

/** In Go's words. */
export class FlagError extends Error {
  override readonly name = 'FlagError'
}

/** What was given, by the first name of each flag. */
export class Flags {
  readonly #given: ReadonlyMap<string, string | number | boolean>

  constructor(given: ReadonlyMap<string, string | number | boolean>) {
    this.#given = given
  }

  text(name: string): string | undefined {
    return this.#find(name, 'string')
  }

  whole(name: string): number | undefined {
    return this.#find(name, 'number')
  }

  switch(name: string): boolean | undefined {
    return this.#find(name, 'boolean')
  }

  #find(name: string, type: 'string'): string | undefined
  #find(name: string, type: 'number'): number | undefined
  #find(name: string, type: 'boolean'): boolean | undefined
  #find(name: string, type: string): string | number | boolean | undefined {
    const value = this.#given.get(name)
    return typeof value === type ? value : undefined
  }
}

export interface CommandLine {
  readonly flags: Flags
  /** The words behind the flags. */
  readonly words: readonly string[]
}

/** Throws a FlagError. */
export function readFlags(args: readonly string[]): CommandLine {
  const given = new Map<string, string | number | boolean>()
  let at = 0
  while (at < args.length) {
    const word = args[at] as string
    if (word.length < 2 || !word.startsWith('-')) break
    at += 1
    if (word === '--') break
    const parts = /^--?([^-=][^=]*)(?:=(.*))?$/s.exec(word)
    if (parts === null) throw new FlagError(`bad flag syntax: ${word}`)
    const [, name = '', inline] = parts
    const flag = byName.get(name)
    if (flag === undefined) throw new FlagError(`flag provided but not defined: -${name}`)
    let text = inline
    if (text === undefined && flag.kind !== 'switch') {
      text = args[at]
      at += 1
      if (text === undefined) throw new FlagError(`flag needs an argument: -${name}`)
    }
    given.set(flag.name, valueOf(flag.kind, text, name))
  }
  return { flags: new Flags(given), words: args.slice(at) }
}

function valueOf(
  kind: FlagKind,
  text: string | undefined,
  name: string,
): string | number | boolean {
  if (kind === 'text') return text ?? ''
  if (kind === 'switch') return switchOf(text, name)
  if (text === undefined || !/^[+-]?\d+$/.test(text) || !Number.isSafeInteger(Number(text))) {
    throw new FlagError(`invalid value "${text ?? ''}" for flag -${name}: parse error`)
  }
  return Number(text)
}

function switchOf(text: string | undefined, name: string): boolean {
  if (text === undefined || /^(?:1|t|T|true|TRUE|True)$/.test(text)) return true
  if (/^(?:0|f|F|false|FALSE|False)$/.test(text)) return false
  throw new FlagError(`invalid boolean value "${text}" for -${name}: parse error`)
}
