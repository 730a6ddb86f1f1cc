import { kafkaLimits } from './limits.ts'

/** What a client says of itself, fit for a log line: short, and without bytes that a terminal obeys. */
export function printable(text: string): string {
  return text.slice(0, kafkaLimits.loggedCharsMax).replaceAll(/[^\x20-\x7e]/g, '?')
}
