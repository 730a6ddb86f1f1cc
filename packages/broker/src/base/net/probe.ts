/**
 * Asks whether somebody answers at a port before we take it: on some systems binding 127.0.0.1
 * succeeds beside a server bound to every interface, and its clients would then reach us instead.
 */
import { connect } from 'node:net'

/** Loopback answers at once; what does not answer in this time is not a server there. */
const PROBE_TIMEOUT_MS = 250

/** True if a connection is accepted at one of the hosts. */
export async function isAnswered(port: number, hosts: readonly string[]): Promise<boolean> {
  const answers = await Promise.all(hosts.map((host) => isAnsweredAt(host, port)))
  return answers.includes(true)
}

function isAnsweredAt(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host, port })
    const settle = (isAnswered: boolean): void => {
      socket.destroy()
      resolve(isAnswered)
    }
    socket.setTimeout(PROBE_TIMEOUT_MS)
    socket.once('connect', () => settle(true))
    socket.once('timeout', () => settle(false))
    // Refused, or an address that this machine has not, such as ::1 without IPv6.
    socket.on('error', () => settle(false))
  })
}
