/**
 * From the text of a flag or a variable to its value. Each function returns the value or throws a
 * ValueError that says what is allowed; options.ts adds which option it was.
 */

/** 'off', or a port of which 0 means any free one. */
export type PortSetting = number | 'off'

export interface HostPort {
  readonly host: string
  readonly port: number
}

export interface UserSetting {
  readonly name: string
  readonly password: string
}

export interface TokenSetting {
  readonly user: string
  readonly token: string
}

/** The message says what is allowed and never repeats the text, which may be a password. */
export class ValueError extends Error {
  override readonly name = 'ValueError'
}

const PORT_MAX = 65535
const KIBI = 1024
const SIZE = /^(\d+(?:\.\d+)?) ?([a-z]*)$/i
const UNIT_BYTES = new Map([
  ['', 1],
  ['b', 1],
  ['kib', KIBI],
  ['mib', KIBI ** 2],
  ['gib', KIBI ** 3],
])

const PRINTED_UNITS = [
  ['GiB', KIBI ** 3],
  ['MiB', KIBI ** 2],
] as const

/** Less than this holds no useful broker, and is more likely a forgotten unit. */
export const MEMORY_BYTES_MIN: number = 16 * KIBI ** 2

/** Less is no limit but in name, more is no limit that anybody means: a unit forgotten or mistaken. */
const DISK_LIMIT_BYTES_MIN = KIBI ** 2
const DISK_LIMIT_BYTES_MAX = 1024 * KIBI ** 3

export function parsePort(text: string): PortSetting {
  if (text === 'off') return 'off'
  const port = parseWholeNumber(text)
  if (port === undefined || port > PORT_MAX) {
    throw new ValueError(`1 to ${PORT_MAX}, 0 (any free port) or off`)
  }
  return port
}

/** `512MiB`, `2GiB`, plain bytes, or a share such as `40%` of `wholeBytes`. */
export function parseMemory(text: string, wholeBytes: number): number {
  const share = /^(\d+(?:\.\d+)?) ?%$/.exec(text)
  const bytes = share ? Math.floor((Number(share[1]) * wholeBytes) / 100) : (parseSize(text) ?? 0)
  if (bytes < MEMORY_BYTES_MIN || bytes > wholeBytes) {
    const whole = formatBytes(wholeBytes)
    throw new ValueError(`16MiB to ${whole} (this machine), as in 512MiB, 2GiB or 40%`)
  }
  return bytes
}

/** Bytes that must stay free on a disk, as in `512MiB`; 0 is no limit. */
export function parseDiskLimit(text: string): number {
  if (text === '0') return 0
  const bytes = parseSize(text) ?? 0
  if (bytes < DISK_LIMIT_BYTES_MIN || bytes > DISK_LIMIT_BYTES_MAX) {
    throw new ValueError('1MiB to 1024GiB, as in 512MiB, or 0 (no limit)')
  }
  return bytes
}

/** A path as it is: it is made absolute by whoever knows the working directory. */
export function parseDirectory(text: string): string {
  if (text === '' || text.startsWith('~')) {
    // `--data=~/polymq` reaches us as it is written, and would make a folder of the name `~`.
    throw new ValueError('a directory, as in /var/lib/polymq or ./data; ~ is for shells')
  }
  return text
}

/** Likewise. */
export function parseFile(text: string): string {
  if (text === '' || text.startsWith('~')) {
    throw new ValueError('a file, as in /etc/polymq.yaml; ~ is for shells')
  }
  return text
}

/** As in a URL, without its port. */
export function parseHostName(text: string): string {
  if (/^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$/i.test(text)) return text.toLowerCase()
  throw new ValueError('a host name without a port, as in broker.example.org')
}

/** Also `[::1]:9092`. */
export function parseHostPort(text: string): HostPort {
  const match = /^(?:\[([0-9a-f:.]+)\]|([^\s:/[\]]+)):(\d+)$/i.exec(text)
  const host = match?.[1] ?? match?.[2]
  const port = parseWholeNumber(match?.[3] ?? '')
  if (host === undefined || port === undefined || port === 0 || port > PORT_MAX) {
    throw new ValueError('HOST:PORT, as in broker.example.org:9092')
  }
  return { host, port }
}

/** The password is everything after the first colon. */
export function parseUser(text: string): UserSetting {
  const colon = text.indexOf(':')
  if (colon < 1 || colon === text.length - 1) throw new ValueError('NAME:PASSWORD')
  return { name: text.slice(0, colon), password: text.slice(colon + 1) }
}

/** The token is everything after the first colon. */
export function parseToken(text: string): TokenSetting {
  const colon = text.indexOf(':')
  if (colon < 1 || colon === text.length - 1) throw new ValueError('NAME:TOKEN')
  return { user: text.slice(0, colon), token: text.slice(colon + 1) }
}

/** A name or an address; whether this machine has it is found out when it is bound. */
export function parseHost(text: string): string {
  const host = /^\[(.*)\]$/.exec(text)?.[1] ?? text
  if (!/^[\w.:%-]+$/.test(host)) {
    throw new ValueError('the address or name of one of this machine’s interfaces, or 0.0.0.0')
  }
  return host
}

export function parseChoice<const T extends string>(text: string, choices: readonly T[]): T {
  const choice = choices.find((known) => known === text)
  if (choice === undefined) throw new ValueError(choices.join(', '))
  return choice
}

/** For variables; a flag without a value is a `true` already. */
export function parseSwitch(text: string): boolean {
  if (text === '1' || text === 'true') return true
  if (text === '0' || text === 'false') return false
  throw new ValueError('true, false, 1, 0')
}

export function formatBytes(bytes: number): string {
  const [unit, unitBytes] = PRINTED_UNITS.find(([, each]) => bytes >= each) ?? ['KiB', KIBI]
  // Rounded down: what is printed as a limit must be allowed.
  return `${Math.floor((bytes / unitBytes) * 10) / 10}${unit}`
}

/** `512MiB`, `2GiB`, plain bytes; undefined if it is none of these. */
function parseSize(text: string): number | undefined {
  const match = SIZE.exec(text)
  const unitBytes = UNIT_BYTES.get(match?.[2]?.toLowerCase() ?? '')
  return match && unitBytes ? Math.floor(Number(match[1]) * unitBytes) : undefined
}

function parseWholeNumber(text: string): number | undefined {
  return /^\d{1,9}$/.test(text) ? Number(text) : undefined
}
