import { LazyPort, type LazyPortOptions } from './lazy-port.ts'
import type { ControlFrontOptions } from './control-front.ts'

export interface ControlListenerOptions
  extends ControlFrontOptions, Pick<LazyPortOptions, 'hosts' | 'port'> {}

/** The control API's port. Rejects with the system's error if the first address cannot be had. */
export function openControlListener(options: ControlListenerOptions): Promise<LazyPort> {
  const { broker, hosts, port, hostNames } = options
  return LazyPort.open({
    hosts,
    port,
    what: 'the control API',
    logger: broker.logger.child({ sub: 'management' }),
    load: async (held) => {
      const { openControlFront } = await import('./control-front.ts')
      return openControlFront(held, { ...options, hostNames: [...hosts, ...hostNames] })
    },
  })
}
