/** The index, the health, and the shapes of what there is none of here: tools ask for them whether it is there or not. */
import type { Answer } from './endpoints.ts'
import { timeText } from './formats.ts'
import type { Monitoring } from './monitoring-app.ts'

const links = [
  ['/varz', 'General'],
  ['/jsz', 'JetStream'],
  ['/connz', 'Connections'],
  ['/accountz', 'Accounts'],
  ['/accstatz', 'Account Stats'],
  ['/subsz', 'Subscriptions'],
  ['/routez', 'Routes'],
  ['/leafz', 'LeafNodes'],
  ['/gatewayz', 'Gateways'],
  ['/healthz', 'Health Probe'],
] as const

export function indexPage({ monitored }: Monitoring): Answer {
  const items = links.map(([path, title]) => `<li><a href=".${path}">${title}</a></li>`)
  const lines = [
    '<!doctype html>',
    '<html lang="en">',
    '<title>PolyMQ: NATS monitoring</title>',
    `<h1>PolyMQ</h1><p>What nats-server ${monitored.server.version} shows of itself, of this broker.</p>`,
    `<ul>${items.join('')}</ul>`,
    '</html>',
  ]
  return { status: 200, body: `${lines.join('\n')}\n` }
}

export function healthz({ broker, isClosing }: Monitoring): Answer {
  const { storageError } = broker.completions
  const error = isClosing ? 'the broker is closing' : storageError?.message
  if (error === undefined) return { status: 200, body: { status: 'ok' } }
  return { status: 503, body: { status: 'error', error } }
}

/** What every answer begins with. */
export function heading({ broker, monitored }: Monitoring): {
  readonly server_id: string
  readonly now: string
} {
  return { server_id: monitored.server.id, now: timeText(broker.turn.clock.wallMs()) }
}

export function routez(monitoring: Monitoring): Answer {
  return { status: 200, body: { ...heading(monitoring), num_routes: 0, routes: [] } }
}

export function gatewayz(monitoring: Monitoring): Answer {
  const none = { outbound_gateways: {}, inbound_gateways: {} }
  return { status: 200, body: { ...heading(monitoring), ...none } }
}

export function leafz(monitoring: Monitoring): Answer {
  return { status: 200, body: { ...heading(monitoring), leafnodes: 0, leafs: null } }
}

/** As a nats-server whose JetStream is off. */
export function jsz(monitoring: Monitoring): Answer {
  const body = {
    ...heading(monitoring),
    disabled: true,
    config: { max_memory: 0, max_storage: 0 },
    memory: 0,
    storage: 0,
    reserved_memory: 0,
    reserved_storage: 0,
    accounts: 0,
    ha_assets: 0,
    api: { total: 0, errors: 0 },
    streams: 0,
    consumers: 0,
    messages: 0,
    bytes: 0,
  }
  return { status: 200, body }
}

/** Queues between threads, of which there are none. */
export function ipqueuesz(): Answer {
  return { status: 200, body: {} }
}
