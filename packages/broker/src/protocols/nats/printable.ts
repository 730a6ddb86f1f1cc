import { natsLimits } from './limits.ts'

/** What a client sent, fit for a line of the log: short, and without bytes that a terminal obeys. */
export function printable(text: string): string {
  return text.slice(0, natsLimits.loggedCharsMax).replaceAll(/[^\x20-\x7e]/g, '?')
}
