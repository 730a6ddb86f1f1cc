import { kafkaLimits } from './limits.ts'

/** What a client sent, fit for a log line or an error's message: short, and without bytes that a terminal obeys. */
export function printable(text: string): string {
  return text.slice(0, kafkaLimits.loggedCharsMax).replaceAll(/[^\x20-\x7e]/g, '?')
}
