/** The answers of nats-server 2.9's monitoring, field by field; what a server of its own accord leaves out ends in `?`. */
import assert from 'node:assert/strict'

/** `span` is 1h2m3s, `time` RFC 3339. A list of one is a list of such. */
export type Shape =
  | 'text'
  | 'number'
  | 'flag'
  | 'span'
  | 'time'
  | 'any'
  | readonly [Shape]
  | { readonly [name: string]: Shape }

const heading = { server_id: 'text', now: 'time' } as const

export const varzShape: Shape = {
  ...heading,
  server_name: 'text',
  version: 'text',
  proto: 'number',
  'git_commit?': 'text',
  go: 'text',
  host: 'text',
  port: 'number',
  'auth_required?': 'flag',
  'tls_required?': 'flag',
  'tls_verify?': 'flag',
  'connect_urls?': ['text'],
  max_connections: 'number',
  ping_interval: 'number',
  ping_max: 'number',
  http_host: 'text',
  http_port: 'number',
  http_base_path: 'text',
  https_port: 'number',
  auth_timeout: 'number',
  max_control_line: 'number',
  max_payload: 'number',
  max_pending: 'number',
  cluster: {},
  gateway: {},
  leaf: {},
  mqtt: {},
  websocket: {},
  jetstream: {},
  tls_timeout: 'number',
  write_deadline: 'number',
  start: 'time',
  uptime: 'span',
  mem: 'number',
  cores: 'number',
  gomaxprocs: 'number',
  cpu: 'number',
  connections: 'number',
  total_connections: 'number',
  routes: 'number',
  remotes: 'number',
  leafnodes: 'number',
  in_msgs: 'number',
  out_msgs: 'number',
  in_bytes: 'number',
  out_bytes: 'number',
  slow_consumers: 'number',
  subscriptions: 'number',
  http_req_stats: 'any',
  config_load_time: 'time',
  'system_account?': 'text',
}

const subscriptionShape = {
  'account?': 'text',
  subject: 'text',
  'qgroup?': 'text',
  sid: 'text',
  msgs: 'number',
  'max?': 'number',
  cid: 'number',
} as const

export const connectionShape: Shape = {
  cid: 'number',
  kind: 'text',
  type: 'text',
  ip: 'text',
  port: 'number',
  start: 'time',
  last_activity: 'time',
  'stop?': 'time',
  'reason?': 'text',
  rtt: 'text',
  uptime: 'span',
  idle: 'span',
  pending_bytes: 'number',
  in_msgs: 'number',
  out_msgs: 'number',
  in_bytes: 'number',
  out_bytes: 'number',
  subscriptions: 'number',
  'name?': 'text',
  'lang?': 'text',
  'version?': 'text',
  'tls_version?': 'text',
  'tls_cipher_suite?': 'text',
  'authorized_user?': 'text',
  'account?': 'text',
  'subscriptions_list?': ['text'],
  'subscriptions_list_detail?': [subscriptionShape],
}

export const connzShape: Shape = {
  ...heading,
  num_connections: 'number',
  total: 'number',
  offset: 'number',
  limit: 'number',
  connections: [connectionShape],
}

export const subscriptionSumsShape = {
  num_subscriptions: 'number',
  num_cache: 'number',
  num_inserts: 'number',
  num_removes: 'number',
  num_matches: 'number',
  cache_hit_rate: 'number',
  max_fanout: 'number',
  avg_fanout: 'number',
} as const

export const subszShape: Shape = {
  ...heading,
  ...subscriptionSumsShape,
  total: 'number',
  offset: 'number',
  limit: 'number',
  subscriptions_list: [subscriptionShape],
}

const sums = { msgs: 'number', bytes: 'number' } as const

/** What there is none of, in the same words. */
export const furtherShapes: Readonly<Record<string, Shape>> = {
  '/healthz': { status: 'text' },
  '/routez': { ...heading, num_routes: 'number', routes: ['any'] },
  '/gatewayz': { ...heading, outbound_gateways: 'any', inbound_gateways: 'any' },
  '/leafz': { ...heading, leafnodes: 'number', leafs: 'any' },
  '/accountz': { ...heading, 'system_account?': 'text', accounts: ['text'] },
  '/accountz?acc=$G': {
    ...heading,
    'system_account?': 'text',
    account_detail: {
      account_name: 'text',
      'update_time?': 'time',
      expired: 'flag',
      complete: 'flag',
      jetstream_enabled: 'flag',
      leafnode_connections: 'number',
      client_connections: 'number',
      subscriptions: 'number',
      'imports?': ['any'],
      'sublist_stats?': 'any',
    },
  },
  '/accstatz?unused=1': {
    ...heading,
    account_statz: [
      {
        acc: 'text',
        conns: 'number',
        leafnodes: 'number',
        total_conns: 'number',
        // Not yet in 2.9.10.
        'num_subscriptions?': 'number',
        sent: sums,
        received: sums,
        slow_consumers: 'number',
      },
    ],
  },
  '/jsz': {
    ...heading,
    disabled: 'flag',
    config: 'any',
    memory: 'number',
    storage: 'number',
    reserved_memory: 'number',
    reserved_storage: 'number',
    accounts: 'number',
    ha_assets: 'number',
    api: { total: 'number', errors: 'number' },
    streams: 'number',
    consumers: 'number',
    messages: 'number',
    bytes: 'number',
  },
  '/ipqueuesz': 'any',
}

export function assertShape(value: unknown, shape: Shape, where: string): void {
  if (typeof shape === 'string') return assertKind(value, shape, where)
  if (isList(shape)) {
    assert.ok(Array.isArray(value), where)
    for (const [i, each] of value.entries()) assertShape(each, shape[0], `${where}[${i}]`)
    return
  }
  assert.ok(typeof value === 'object' && value !== null && !Array.isArray(value), where)
  const fields = new Map(Object.entries(value))
  for (const [name, inner] of Object.entries(shape)) {
    const field = name.replace(/\?$/, '')
    if (fields.has(field)) assertShape(fields.get(field), inner, `${where}.${field}`)
    else assert.ok(name.endsWith('?'), `${where}.${field} is missing`)
    fields.delete(field)
  }
  assert.deepEqual([...fields.keys()], [], `${where}: unknown`)
}

function isList(shape: Shape): shape is readonly [Shape] {
  return Array.isArray(shape)
}

const kinds = {
  text: (value: unknown) => typeof value === 'string',
  number: (value: unknown) => typeof value === 'number',
  flag: (value: unknown) => typeof value === 'boolean',
  span: (value: unknown) => /^(\d+y)?(\d+d)?(\d+h)?(\d+m)?\d+s$/.test(String(value)),
  time: (value: unknown) =>
    /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/.test(String(value)),
  any: () => true,
} as const

function assertKind(value: unknown, kind: keyof typeof kinds, where: string): void {
  assert.ok(kinds[kind](value), `${where} is no ${kind}: ${JSON.stringify(value)}`)
}
