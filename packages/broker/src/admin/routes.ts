import type { Route } from './route.ts'
import { accessRoutes } from './routes/access.ts'
import { bindingRoutes } from './routes/bindings.ts'
import { connectionRoutes } from './routes/connections.ts'
import { exchangeRoutes } from './routes/exchanges.ts'
import { feedRoutes } from './routes/feeds.ts'
import { groupRoutes } from './routes/groups.ts'
import { messageRoutes } from './routes/messages.ts'
import { overviewRoutes } from './routes/overview.ts'
import { probeRoutes } from './routes/probes.ts'
import { queueRoutes } from './routes/queues.ts'
import { streamRoutes } from './routes/streams.ts'
import { subscriptionRoutes } from './routes/subscriptions.ts'
import { topRoutes } from './routes/top.ts'
import { vhostRoutes } from './routes/vhosts.ts'

/** All that is served; openapi.yaml says the same, and a test compares them. */
export const routes: readonly Route[] = [
  ...probeRoutes,
  ...overviewRoutes,
  ...topRoutes,
  ...vhostRoutes,
  ...exchangeRoutes,
  ...queueRoutes,
  ...bindingRoutes,
  ...streamRoutes,
  ...feedRoutes,
  ...groupRoutes,
  ...accessRoutes,
  ...connectionRoutes,
  ...subscriptionRoutes,
  ...messageRoutes,
]
