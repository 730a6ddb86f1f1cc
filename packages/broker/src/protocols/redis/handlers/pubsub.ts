import { isUtf8 } from 'node:buffer'
import { Glob } from '../../../core/subscription/glob.ts'
import type { RedisCaller } from '../caller.ts'
import { Trait, type Command } from '../command.ts'
import { MessageFrame } from '../codec/message-frame.ts'
import type { Reply } from '../codec/reply.ts'
import type { Request } from '../codec/request.ts'
import { CommandError, errorTexts, tooManyFor } from '../errors.ts'
import { redisLimits } from '../limits.ts'
import { channelTooLong, type Publishing } from '../publishing.ts'
import type { Session } from '../session.ts'
import { subscribe, unsubscribe } from '../subscribing.ts'
import { Kind } from '../subscriptions.ts'
import { withHelp } from './help.ts'

const SUBSCRIBING = [Trait.whileSubscribed, Trait.noTransaction, Trait.answersItself] as const

function subscribing(name: string, kind: Kind, summary: string): Command {
  const run = (session: Session, request: Request): void =>
    subscribe(session, kind, namesOf(request))
  return { name, arity: -2, summary, traits: SUBSCRIBING, run }
}

function unsubscribing(name: string, kind: Kind, summary: string): Command {
  const run = (session: Session, request: Request): void =>
    unsubscribe(session, kind, namesOf(request))
  return { name, arity: -1, summary, traits: SUBSCRIBING, run }
}

/** They are text to all others who hear or say them. */
function namesOf(request: Request): string[] {
  const names: string[] = []
  for (let index = 1; index < request.count; index++) names.push(nameOf(request, index))
  return names
}

function nameOf(request: Request, index: number): string {
  const bytes = request.bytesOf(index)
  if (bytes > redisLimits.channelBytesMax) throw channelTooLong(bytes)
  if (!isUtf8(request.view(index))) {
    throw new CommandError('ERR the name of a channel is not UTF-8')
  }
  return request.text(index)
}

function publishingOf(session: Session): Publishing {
  return (session.caller as RedisCaller).publishing
}

/** Returns how many have heard it. */
export function publishTo(session: Session, request: Request): number {
  const { head } = session
  head.passedOn = request.isPlain ? request : null
  try {
    return publishingOf(session).publish(request)
  } finally {
    head.passedOn = null
  }
}

const publish: Command = {
  name: 'publish',
  arity: 3,
  summary: 'Sends a message to all who listen to the channel, by whatever protocol.',
  traits: [],
  run: (session, request, reply) => reply.integer(publishTo(session, request)),
  mustWait: (session, request) => publishingOf(session).isKept(request),
}

function publishToShard(session: Session, request: Request): number {
  const name = nameOf(request, 1)
  if (!session.may('write')) throw new CommandError(errorTexts.noChannel)
  const sessions = session.channels.shards.get(name)
  if (sessions === undefined) return 0
  const frame = new MessageFrame()
  frame.channel = request.buffer
  frame.channelStart = request.startOf(1)
  frame.channelEnd = request.endOf(1)
  frame.body = request.buffer
  frame.bodyStart = request.startOf(2)
  frame.bodyEnd = request.endOf(2)
  for (const each of sessions) each.hearShard(frame)
  return sessions.size
}

const publishShard: Command = {
  name: 'spublish',
  arity: 3,
  summary: 'Sends a message to all Redis clients that listen to the sharded channel.',
  traits: [],
  run: (session, request, reply) => reply.integer(publishToShard(session, request)),
}

function part(
  name: string,
  arity: number,
  summary: string,
  run: (session: Session, request: Request, reply: Reply) => void,
): readonly [string, Command] {
  return [name, { name: `pubsub|${name}`, arity, summary, traits: [], run }]
}

function listNames(names: Iterable<string>, request: Request, reply: Reply): void {
  if (request.count > 3) throw new CommandError(tooManyFor(request.text(1), request.text(0)))
  const glob = request.count > 2 ? new Glob(nameOf(request, 2)) : null
  const listed = [...names].filter((name) => glob === null || glob.matches(name))
  reply.array(listed.length)
  for (const name of listed) reply.bulk(name)
}

function listCounts(countOf: (name: string) => number, request: Request, reply: Reply): void {
  reply.array((request.count - 2) * 2)
  for (let index = 2; index < request.count; index++) {
    reply.bulkBytes(request.view(index))
    reply.integer(countOf(request.text(index)))
  }
}

const pubsub: Command = withHelp({
  name: 'pubsub',
  arity: -2,
  summary: 'What Redis clients listen to.',
  traits: [],
  run: null,
  parts: new Map([
    part('channels', -2, 'Channels that somebody listens to.', ({ channels }, request, reply) =>
      listNames(channels.names(), request, reply),
    ),
    part('numsub', -2, 'How many listen to each channel.', ({ channels }, request, reply) =>
      listCounts((name) => channels.count(name), request, reply),
    ),
    part('numpat', 2, 'How many patterns there are.', ({ channels }, _request, reply) =>
      reply.integer(channels.patternCount),
    ),
    part('shardchannels', -2, 'Sharded channels likewise.', ({ channels }, request, reply) =>
      listNames(channels.shards.keys(), request, reply),
    ),
    part('shardnumsub', -2, 'Likewise of sharded channels.', ({ channels }, request, reply) =>
      listCounts((name) => channels.shards.get(name)?.size ?? 0, request, reply),
    ),
  ]),
})

export const pubsubCommands: readonly Command[] = [
  subscribing('subscribe', Kind.channel, 'Listens to channels.'),
  subscribing('psubscribe', Kind.pattern, 'Listens to channels whose names match patterns.'),
  subscribing('ssubscribe', Kind.shard, 'Listens to sharded channels.'),
  unsubscribing('unsubscribe', Kind.channel, 'Ends subscribe.'),
  unsubscribing('punsubscribe', Kind.pattern, 'Ends psubscribe.'),
  unsubscribing('sunsubscribe', Kind.shard, 'Ends ssubscribe.'),
  publish,
  publishShard,
  pubsub,
]
