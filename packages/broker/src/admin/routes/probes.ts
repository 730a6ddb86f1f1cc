/** For whatever looks after the process: is it alive, can it be used, how is it. */
import { ok, type Answer, type Route } from '../route.ts'
import { refused } from '../viewer.ts'
import type { Control } from '../control.ts'

export const probeRoutes: readonly Route[] = [
  { method: 'GET', path: '/health', handle: () => ok({ status: 'alive' }) },
  { method: 'GET', path: '/ready', handle: ({ control }) => ready(control) },
  {
    method: 'GET',
    path: '/metrics',
    handle: async ({ control, viewer }) => {
      // From another machine, with a login; from this one without.
      if (viewer !== undefined && !viewer.seesAll) {
        throw refused(
          `user '${viewer.principal.name}' may not see metrics`,
          'it takes the tag monitoring',
        )
      }
      // Its library takes a while to load, and many brokers are never asked.
      const { metricsOf } = await import('../metrics.ts')
      return ok(await metricsOf(control))
    },
  },
]

function ready({ broker: { completions, alarms } }: Control): Answer {
  const reasons: string[] = []
  if (completions.storageError !== null) reasons.push(completions.storageError.message)
  if (alarms.raised !== 0) reasons.push(`publishers wait: ${alarms.fullReason}`)
  const isReady = reasons.length === 0
  return { status: isReady ? 200 : 503, body: { ready: isReady, reasons } }
}
