/**
 * Whether a peer's address, as a socket gives it, is this machine. Whoever can be reached through
 * a proxy on this machine must not ask about the proxy's address: to a reverse proxy all the world
 * is 127.0.0.1. Unknown (undefined once a socket is closed) is not loopback.
 */
export function isLoopback(address: string | undefined): boolean {
  if (address === undefined) return false
  return address === '::1' || /^(?:::ffff:)?127\.\d{1,3}\.\d{1,3}\.\d{1,3}$/i.test(address)
}

/**
 * What of an address names one source: all of an IPv4 address, and the first 64 bits of an IPv6
 * one, since any host there has 2^64 addresses to come from.
 */
export function sourceOf(address: string): string {
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)
  if (mapped !== null) return mapped[1] as string
  if (!address.includes(':')) return address
  const [before = '', after] = (address.split('%')[0] as string).toLowerCase().split('::')
  const head = before === '' ? [] : before.split(':')
  const tail = after === undefined || after === '' ? [] : after.split(':')
  // The zeros that :: stands for; a dotted tail is two groups, and beyond the first four anyway.
  const zeros = new Array<string>(Math.max(0, 8 - head.length - tail.length)).fill('0')
  return [...head, ...zeros, ...tail].slice(0, 4).join(':')
}
