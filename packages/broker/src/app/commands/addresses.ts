/** `amqp:exchange/key`, `amqp:queue`, `kafka:topic`; the broker checks them again. */
import { usageError } from '../exit.ts'
import { printable } from '../printable.ts'

export type AddressKind = 'exchange' | 'queue' | 'stream'

/** What kind of thing it names. Throws an ExitError (64) if it is no address. */
export function kindOf(address: string): AddressKind {
  const match = /^(amqp|kafka):([^]*)$/.exec(address)
  const [, scheme, rest = ''] = match ?? []
  if (scheme === 'kafka' && rest !== '' && !rest.includes('/')) return 'stream'
  if (scheme === 'amqp' && rest !== '') return rest.includes('/') ? 'exchange' : 'queue'
  throw usageError(
    `${JSON.stringify(printable(address))} is no address. Addresses: amqp:queue, amqp:exchange/key ` +
      '(amqp:/queue is the default exchange), kafka:topic.',
  )
}

/** The name behind `kafka:` or `amqp:`, as it is called. */
export function nameIn(address: string): string {
  const name = address.slice(address.indexOf(':') + 1)
  try {
    return decodeURIComponent(name)
  } catch {
    throw usageError(
      `${JSON.stringify(printable(address))}: a percent sign in a name is written %25.`,
    )
  }
}
