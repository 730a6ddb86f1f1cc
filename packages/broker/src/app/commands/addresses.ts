/** `amqp:exchange/key`, `amqp:queue`, `kafka:topic`, `nats:subject`, `redis:channel`; the broker checks them again. */
import { usageError } from '../exit.ts'
import { printable } from '../printable.ts'

export type AddressKind = 'exchange' | 'queue' | 'stream'

/** What kind of thing it names. Throws an ExitError (64) if it is no address. */
export function kindOf(address: string): AddressKind {
  const match = /^(amqp|kafka|nats|redis):([^]*)$/.exec(address)
  const [, scheme, rest = ''] = match ?? []
  if (scheme === 'kafka' && rest !== '' && !rest.includes('/')) return 'stream'
  if ((scheme === 'nats' || scheme === 'redis') && rest !== '') return 'exchange'
  if (scheme === 'amqp' && rest !== '') return rest.includes('/') ? 'exchange' : 'queue'
  throw usageError(
    `${JSON.stringify(printable(address))} is no address. Addresses: amqp:queue, amqp:exchange/key ` +
      '(amqp:/queue is the default exchange), kafka:topic, nats:subject, redis:channel.',
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

const NATS = 'nats:'
const REDIS = 'redis:'
/** Every subject and every channel is a routing key there. */
const SUBJECT_EXCHANGE = 'amq.topic'

/** Whether what is published there is kept for nobody who is not there. */
export function isEphemeral(address: string): boolean {
  return address.startsWith(NATS) || address.startsWith(REDIS)
}

/** The address in the words of the control API: a subject is a routing key. */
export function addressToPublish(address: string): string {
  if (address.startsWith(REDIS)) return routingKeyAddress(nameIn(address))
  if (!address.startsWith(NATS)) return address
  const subject = nameIn(address)
  checkSubject(subject)
  if (/(^|\.)[*>](\.|$)/.test(subject)) {
    throw usageError(`${JSON.stringify(printable(subject))} has a wildcard: only sub takes one.`)
  }
  return routingKeyAddress(subject)
}

/** The same to listen at. `>` is one word or more, for which AMQP says `*.#`. */
export function addressToSubscribe(address: string): string {
  if (address.startsWith(REDIS)) return routingKeyAddress(literalChannel(nameIn(address)))
  if (!address.startsWith(NATS)) return address
  const subject = nameIn(address)
  checkSubject(subject)
  return routingKeyAddress(subject.replace(/(^|\.)>$/, '$1*.#'))
}

function checkSubject(subject: string): void {
  const words = subject.split('.')
  const isSubject = words.every((word, i) => {
    return word !== '' && !/\s/.test(word) && (word !== '>' || i === words.length - 1)
  })
  if (!isSubject) {
    throw usageError(
      `${JSON.stringify(printable(subject))} is no subject: words with dots between them, * for one word, > at the end for the rest.`,
    )
  }
  // A word of AMQP's patterns: it would match more than it says.
  if (words.includes('#')) throw usageError('A word # is a wildcard of AMQP, and none of NATS.')
}

/** Of a pattern of Redis AMQP has no word for what it says. */
function literalChannel(channel: string): string {
  if (!/[*?[\\]|(^|\.)#(\.|$)/.test(channel)) return channel
  throw usageError(
    `${JSON.stringify(printable(channel))} looks like a pattern: here redis: takes the name of one channel.`,
  )
}

function routingKeyAddress(key: string): string {
  return `amqp:${SUBJECT_EXCHANGE}/${encodeURIComponent(key)}`
}
