import { DecodeError } from '../../../base/reader.ts'

/** What a client says of itself in CONNECT, with nats-server's value for whatever it does not say. */
export interface ConnectOptions {
  /** Every operation is answered by +OK. */
  readonly verbose: boolean
  /** Subjects of publishes are checked. */
  readonly pedantic: boolean
  /** The client hears itself. */
  readonly echo: boolean
  /** It can read and send headers. */
  readonly headers: boolean
  /** It wants to be told when nobody has heard a request. */
  readonly noResponders: boolean
  /** 0 or 1; anything else is refused. */
  readonly protocol: number
  readonly user: string
  readonly pass: string
  /** It is known by it. */
  readonly token: string
  /** It wants to be known by what is not served: a key, a JWT. */
  readonly hasOtherCredentials: boolean
  readonly name: string
  readonly lang: string
  readonly version: string
}

/** Of a client that begins without CONNECT; a bare terminal gets its +OK. [as nats-server] */
export const defaultOptions: ConnectOptions = {
  verbose: true,
  pedantic: true,
  echo: true,
  headers: false,
  noResponders: false,
  protocol: 0,
  user: '',
  pass: '',
  token: '',
  hasOtherCredentials: false,
  name: '',
  lang: '',
  version: '',
}

/** Reads the JSON of CONNECT. Fields that nobody knows are ignored, fields of another type are an error. [as nats-server] */
export function parseConnectOptions(json: string): ConnectOptions {
  const fields = parseObject(json)
  const flag = (name: string, standard: boolean): boolean => flagOf(fields, name, standard)
  const text = (name: string): string => textOf(fields, name)
  const others = ['jwt', 'nkey', 'sig'].map(text)
  return {
    verbose: flag('verbose', true),
    pedantic: flag('pedantic', true),
    echo: flag('echo', true),
    headers: flag('headers', false),
    noResponders: flag('no_responders', false),
    protocol: protocolOf(fields),
    user: text('user'),
    pass: text('pass'),
    token: text('auth_token'),
    hasOtherCredentials: others.some((other) => other !== ''),
    name: text('name'),
    lang: text('lang'),
    version: text('version'),
  }
}

type Fields = ReadonlyMap<string, unknown>

function parseObject(json: string): Fields {
  let value: unknown
  try {
    value = JSON.parse(json)
  } catch {
    // The parser's own words may quote a password.
    throw new DecodeError('CONNECT is not JSON')
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new DecodeError('CONNECT is no object')
  }
  return new Map(Object.entries(value))
}

/** Null is the same as absent. */
function flagOf(fields: Fields, name: string, standard: boolean): boolean {
  const value = fields.get(name) ?? standard
  if (typeof value !== 'boolean') throw new DecodeError(`'${name}' in CONNECT is no boolean`)
  return value
}

function textOf(fields: Fields, name: string): string {
  const value = fields.get(name) ?? ''
  if (typeof value !== 'string') throw new DecodeError(`'${name}' in CONNECT is no text`)
  return value
}

function protocolOf(fields: Fields): number {
  const value = fields.get('protocol') ?? 0
  if (typeof value !== 'number') throw new DecodeError("'protocol' in CONNECT is no number")
  return value
}
