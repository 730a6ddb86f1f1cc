import { noArguments } from '../arguments.ts'
import { DirectMatcher } from '../routing/direct.ts'
import { FanoutMatcher } from '../routing/fanout.ts'
import { HeadersMatcher } from '../routing/headers.ts'
import type { Matcher } from '../routing/matcher.ts'
import { TopicMatcher } from '../routing/topic.ts'
import { alternateOf } from './declarations.ts'
import { Exchange, ExchangeType, type ExchangeOptions } from './exchange.ts'

/** Those that every virtual host has: name, type, whether only exchanges may publish to it. */
const PREDECLARED: readonly (readonly [string, ExchangeType, boolean])[] = [
  ['', ExchangeType.direct, false],
  ['amq.direct', ExchangeType.direct, false],
  ['amq.fanout', ExchangeType.fanout, false],
  ['amq.topic', ExchangeType.topic, false],
  ['amq.headers', ExchangeType.headers, false],
  ['amq.match', ExchangeType.headers, false],
  ['amq.rabbitmq.trace', ExchangeType.topic, true],
]

export function predeclaredExchanges(vhost: string): Exchange[] {
  return PREDECLARED.map(([name, type, internal]) => {
    const options = { type, durable: true, autoDelete: false, internal, arguments: noArguments }
    return newExchange(name, options, vhost)
  })
}

/** Nobody else can declare such a name. */
export function isPredeclared(name: string): boolean {
  return name === '' || name.startsWith('amq.')
}

/** Throws precondition-failed if its arguments cannot be. */
export function newExchange(name: string, options: ExchangeOptions, vhost: string): Exchange {
  const alternate = alternateOf(name, options.arguments, vhost)
  return new Exchange(name, options, newMatcher(options.type), alternate)
}

function newMatcher(type: ExchangeType): Matcher {
  switch (type) {
    case ExchangeType.direct:
      return new DirectMatcher()
    case ExchangeType.fanout:
      return new FanoutMatcher()
    case ExchangeType.topic:
      return new TopicMatcher()
    case ExchangeType.headers:
      return new HeadersMatcher()
  }
}
