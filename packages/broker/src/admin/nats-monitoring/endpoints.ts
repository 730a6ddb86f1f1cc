/** All that is served: the paths of nats-server 2.9, but for the stacks of its threads. */
import type { Monitoring } from './monitoring-app.ts'
import { accountz, accstatz } from './accounts.ts'
import { connz } from './connz.ts'
import { gatewayz, healthz, indexPage, ipqueuesz, jsz, leafz, routez } from './further.ts'
import { subsz } from './subsz.ts'
import { varz } from './varz.ts'

export interface Answer {
  readonly status: number
  /** A text is HTML, all else becomes JSON. */
  readonly body: unknown
}

export interface Endpoint {
  /** In http_req_stats. */
  readonly countedAs: string
  /** Asked without a login from this machine: by what looks after processes, and by client libraries' tests. It names nobody. */
  readonly isOpen: boolean
  readonly handle: (monitoring: Monitoring, query: URLSearchParams) => Answer | Promise<Answer>
}

export const endpoints: ReadonlyMap<string, Endpoint> = new Map<string, Endpoint>([
  ['/', { countedAs: '/', isOpen: true, handle: indexPage }],
  ['/varz', { countedAs: '/varz', isOpen: true, handle: varz }],
  ['/healthz', { countedAs: '/healthz', isOpen: true, handle: healthz }],
  ['/connz', { countedAs: '/connz', isOpen: false, handle: connz }],
  ['/subsz', { countedAs: '/subsz', isOpen: false, handle: subsz }],
  ['/subscriptionsz', { countedAs: '/subsz', isOpen: false, handle: subsz }],
  ['/routez', { countedAs: '/routez', isOpen: false, handle: routez }],
  ['/gatewayz', { countedAs: '/gatewayz', isOpen: false, handle: gatewayz }],
  ['/leafz', { countedAs: '/leafz', isOpen: false, handle: leafz }],
  ['/accountz', { countedAs: '/accountz', isOpen: false, handle: accountz }],
  ['/accstatz', { countedAs: '/accstatz', isOpen: false, handle: accstatz }],
  ['/jsz', { countedAs: '/jsz', isOpen: false, handle: jsz }],
  ['/ipqueuesz', { countedAs: '/ipqueuesz', isOpen: false, handle: ipqueuesz }],
])
