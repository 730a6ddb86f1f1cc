/** Times as Go writes them in JSON. */

/** Years, days, hours, minutes and seconds, from the first that there is: `1h2m3s`. [nats-server uptime] */
export function spanText(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1000))
  const minutes = Math.floor(seconds / 60)
  const hours = Math.floor(minutes / 60)
  const days = Math.floor(hours / 24)
  const years = Math.floor(days / 365)
  const parts = [
    [years, 'y'],
    [days % 365, 'd'],
    [hours % 24, 'h'],
    [minutes % 60, 'm'],
    [seconds % 60, 's'],
  ] as const
  const first = parts.findIndex(([count]) => count > 0)
  const shown = first === -1 ? parts.slice(-1) : parts.slice(first)
  return shown.map(([count, unit]) => `${count}${unit}`).join('')
}

/** A duration of less than an hour: `1.5ms`, `2m0.25s`. Zero is `0s`. [Go time.Duration] */
export function durationText(ms: number): string {
  if (ms === 0) return '0s'
  if (ms < 1) return `${rounded(ms * 1000)}µs`
  if (ms < 1000) return `${rounded(ms)}ms`
  const seconds = ms / 1000
  if (seconds < 60) return `${rounded(seconds)}s`
  return `${Math.floor(seconds / 60)}m${rounded(seconds % 60)}s`
}

function rounded(value: number): number {
  return Math.round(value * 1000) / 1000
}

/** A number of Go's is in nanoseconds. */
export function nanoseconds(ms: number): number {
  return ms * 1_000_000
}

/** RFC 3339, in UTC. */
export function timeText(wallMs: number): string {
  return new Date(wallMs).toISOString()
}
