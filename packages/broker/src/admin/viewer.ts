import { describeRefusal, type Action, type NamedResource } from '../core/auth/access-control.ts'
import type { Principal } from '../core/auth/principal.ts'
import type { Broker } from '../core/broker.ts'
import type { VirtualHost } from '../core/topology/virtual-host.ts'
import { ApiError, ApiErrorCode, notFound } from './errors.ts'

/** What the one who asks may see and do; every answer is authorize()'s. */
export class Viewer {
  readonly principal: Principal
  /** Tagged monitoring or administrator: sees what others have and do. */
  readonly seesAll: boolean
  readonly #broker: Broker

  constructor(broker: Broker, principal: Principal) {
    this.#broker = broker
    this.principal = principal
    this.seesAll = broker.access.authorize(principal, 'monitor', { kind: 'broker' })
  }

  mayAdminister(): boolean {
    return this.#broker.access.authorize(this.principal, 'administer', { kind: 'broker' })
  }

  requireAdministrator(): void {
    if (this.mayAdminister()) return
    throw refused(
      describeRefusal(this.principal, 'administer', { kind: 'broker' }),
      'it takes a user with the tag administrator',
    )
  }

  seesVhost({ name }: VirtualHost): boolean {
    return this.seesAll || this.#mayEnter(name)
  }

  #mayEnter(vhost: string): boolean {
    return this.#broker.access.authorize(this.principal, 'access', { kind: 'vhost', vhost })
  }

  /** All that the one who asks may look into. */
  *vhosts(): Generator<VirtualHost> {
    for (const vhost of this.#broker.virtualHosts.values()) if (this.seesVhost(vhost)) yield vhost
  }

  /** To look into. */
  getVhost(name: string): VirtualHost {
    const vhost = this.#broker.findVirtualHost(name)
    if (vhost === undefined) throw notFound(`no virtual host '${name}'`)
    if (this.seesVhost(vhost)) return vhost
    throw refused(describeRefusal(this.principal, 'access', { kind: 'vhost', vhost: name }))
  }

  /** To work in. */
  enterVhost(name: string): VirtualHost {
    const vhost = this.getVhost(name)
    if (this.#mayEnter(name)) return vhost
    throw refused(
      describeRefusal(this.principal, 'access', { kind: 'vhost', vhost: name }),
      'give the user permissions in it first',
    )
  }

  sees(resource: NamedResource): boolean {
    return this.seesAll || this.may('describe', resource)
  }

  may(action: Action, resource: NamedResource): boolean {
    return this.#broker.access.authorize(this.principal, action, resource)
  }

  requireSight(resource: NamedResource): void {
    if (!this.sees(resource)) throw refused(describeRefusal(this.principal, 'describe', resource))
  }

  require(action: Action, resource: NamedResource): void {
    if (!this.may(action, resource))
      throw refused(describeRefusal(this.principal, action, resource))
  }
}

export function refused(message: string, hint?: string): ApiError {
  return new ApiError(ApiErrorCode.accessRefused, message, hint === undefined ? {} : { hint })
}
