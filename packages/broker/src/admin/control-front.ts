import type { HeldPort } from '../base/net/held-port.ts'
import type { Broker } from '../core/broker.ts'
import type { Control, Surroundings } from './control.ts'
import { buildControlApp } from './control-app.ts'
import { EventLoopDelay } from './event-loop-delay.ts'
import { HostNames } from './host-names.ts'
import { HttpFront, type Deadlines } from './http-front.ts'
import { routes } from './routes.ts'
import { Subscriptions } from './subscriptions.ts'

export interface ControlFrontOptions {
  readonly broker: Broker
  /** By which it may be asked, beside those of this machine. */
  readonly hostNames: readonly string[]
  readonly surroundings: Surroundings
  /** Others than adminLimits', for tests of them. */
  readonly deadlines?: Deadlines
}

/** The control API on a port. */
export async function openControlFront(
  held: HeldPort,
  options: ControlFrontOptions,
): Promise<HttpFront> {
  const { broker, surroundings, hostNames, deadlines } = options
  const subscriptions = new Subscriptions(broker)
  const eventLoopDelay = new EventLoopDelay()
  const control: Control = { broker, surroundings, subscriptions, eventLoopDelay }
  const app = await buildControlApp({ control, routes, hostNames: new HostNames(hostNames) })
  return HttpFront.open(held, {
    logger: broker.logger.child({ sub: 'management' }),
    ...(deadlines !== undefined && { deadlines }),
    app: {
      handle: (request, response) => app.handle(request, response),
      stop: () => subscriptions.close(),
      close: () => {
        eventLoopDelay.close()
        return app.close()
      },
    },
  })
}
