/** What no request may be, whichever HTTP port it comes by. */
import type { IncomingMessage } from 'node:http'
import { ApiError, ApiErrorCode } from './errors.ts'
import type { HostNames } from './host-names.ts'
import { refused } from './viewer.ts'

export function checkHost({ headers, socket }: IncomingMessage, hostNames: HostNames): void {
  if (hostNames.allows(headers.host, socket.localAddress)) return
  throw new ApiError(ApiErrorCode.misdirected, 'this broker is not known by that Host', {
    hint: 'ask localhost, 127.0.0.1 or [::1], or start the broker with --management-host-name NAME',
  })
}

/** A page of another site's may not act for whoever looks at it. Browsers say where a request comes from; nobody else does. */
export function checkSite({ headers }: IncomingMessage): void {
  const site = headers['sec-fetch-site']
  if (site === undefined || site === 'same-origin' || site === 'none') return
  throw refused('requests from pages of other sites are not served')
}
