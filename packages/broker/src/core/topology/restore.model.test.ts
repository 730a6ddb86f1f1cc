import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DeclaringBroker, reread } from '../../testing/declaring-broker.ts'
import { SeededRandom } from '../../testing/seeded-random.ts'
import { keyOf, noArguments, type Arguments } from '../arguments.ts'
import type { FeedOptions } from '../feed/feed.ts'
import { BrokerError } from '../errors.ts'
import type { Declaration } from './declaration.ts'
import { encodeDeclarations } from './declaration-format.ts'
import { ExchangeType } from './exchange.ts'
import { isLasting } from './listing.ts'
import type { BindingRequest, VirtualHost } from './virtual-host.ts'

const RUNS = 400
const ACTIONS = 120
const SESSION = 7
const CREDENTIAL =
  '$scrypt$ln=15,r=8,p=1$cG9seW1xIGRlZmF1bHQgZw$oJxj0Wy1aaCeGLG/zs9MY0JLf24yUtqy0fsBStsaF14'

/** Does something at random to a broker; names are few, so that lives and ends meet. */
class Actor {
  readonly #random: SeededRandom
  readonly #world: DeclaringBroker

  constructor(world: DeclaringBroker, random: SeededRandom) {
    this.#world = world
    this.#random = random
  }

  act(): void {
    try {
      this.#actOn(this.#vhost())
    } catch (error) {
      // What is refused changes nothing.
      if (!(error instanceof BrokerError)) throw error
    }
  }

  #actOn(vhost: VirtualHost): void {
    const random = this.#random
    const { broker } = this.#world
    switch (random.integer(0, 20)) {
      case 0:
        return this.#declareExchange(vhost)
      case 1:
        return vhost.deleteExchange(this.#name('e'), { ifUnused: random.chance(0.3) })
      case 2:
      case 3:
        return this.#declareQueue(vhost)
      case 4:
        return this.#removeQueue(vhost)
      case 5:
      case 6:
      case 7:
        return vhost.bind(this.#binding(), SESSION)
      case 8:
        return vhost.unbind(this.#binding(), SESSION)
      case 9:
        return this.#createStream(vhost)
      case 10:
        return this.#deleteStream(vhost)
      case 11:
        return this.#commit(vhost)
      case 12:
        return vhost.committedOffsets.expire(this.#name('g'), () => random.chance(0.5))
      case 13:
        broker.access.users.addWithCredential({ name: this.#name('u'), credential: CREDENTIAL })
        return
      case 14:
        if (random.chance(0.5)) broker.access.users.remove(this.#name('u'))
        else broker.access.permissions.remove({ user: this.#name('u'), vhost: vhost.name })
        return
      case 15:
        return vhost.feeds.declare(this.#name('f'), this.#feed())
      case 16:
        return vhost.feeds.delete(this.#name('f'))
      case 17:
        return this.#declareStreamQueue(vhost)
      case 18:
        // What is seldom deleted has something in it when it is.
        if (random.chance(0.5)) this.#removeVirtualHost()
        return
      case 19:
        // What was in it goes a piece at a time, while other things are done.
        this.#world.manual.runOnce()
        return
      default:
        return this.#permit(vhost)
    }
  }

  #vhost(): VirtualHost {
    const name = this.#random.pick(['/', '/', '/', 'v', 'w'])
    const { broker } = this.#world
    return broker.findVirtualHost(name) ?? broker.addVirtualHost(name)
  }

  #removeVirtualHost(): void {
    const { virtualHosts, access } = this.#world.broker
    const { name } = virtualHosts.remove(this.#random.pick(['/', 'v', 'w']))
    access.permissions.removeVhost(name)
  }

  #name(prefix: string): string {
    return `${prefix}${this.#random.integer(0, 3)}`
  }

  #declareExchange(vhost: VirtualHost): void {
    const random = this.#random
    vhost.declareExchange(this.#name('e'), {
      type: random.pick(Object.values(ExchangeType)),
      durable: random.chance(0.8),
      autoDelete: random.chance(0.4),
      internal: random.chance(0.2),
      arguments: random.chance(0.2) ? new Map([['alternate-exchange', 'e0']]) : noArguments,
    })
  }

  #declareQueue(vhost: VirtualHost): void {
    const random = this.#random
    const traits = {
      durable: random.chance(0.8),
      autoDelete: random.chance(0.2),
      exclusiveOwner: random.chance(0.1) ? SESSION : 0,
      arguments: random.chance(0.2) ? new Map([['x-durability', 'os']]) : noArguments,
    }
    const name = this.#name('q')
    if (vhost.findStreamQueue(name) === undefined) vhost.declareQueue(name, traits, SESSION)
  }

  #removeQueue(vhost: VirtualHost): void {
    const queue = vhost.findQueue(this.#name('q'))
    if (queue !== undefined) vhost.removeQueue(queue)
  }

  #binding(): BindingRequest {
    const random = this.#random
    const kind = random.pick(['queue', 'queue', 'queue', 'exchange', 'stream'] as const)
    const given: Arguments = random.chance(0.2) ? new Map([['a', 1]]) : noArguments
    return {
      source: random.chance(0.2) ? 'amq.topic' : this.#name('e'),
      destinationKind: kind,
      destination: this.#name(kind.charAt(0)),
      routingKey: random.pick(['', 'k']),
      arguments: given,
    }
  }

  #feed(): FeedOptions {
    const random = this.#random
    return {
      stream: this.#name('s'),
      exchange: random.chance(0.5) ? 'amq.topic' : this.#name('e'),
      routingKey: random.pick([null, 'k']),
      from: random.pick(['first', 'last']),
    }
  }

  #createStream(vhost: VirtualHost): void {
    vhost.streams.create(this.#name('s'), {
      partitions: this.#random.integer(1, 3),
      config: vhost.streams.defaultConfig,
      settings: new Map([['retention.ms', '-1']]),
    })
  }

  /** A topic that is there, or a new one; of a name that a queue may have had before. */
  #declareStreamQueue(vhost: VirtualHost): void {
    const random = this.#random
    const name = this.#name(random.pick(['s', 's', 'q']))
    if (vhost.findStreamQueue(name) !== undefined) return
    const given = new Map([['x-queue-type', 'stream']])
    const traits = { durable: true, autoDelete: false, exclusiveOwner: 0, arguments: given }
    vhost.declareStreamQueue(name, traits, SESSION)
  }

  #deleteStream(vhost: VirtualHost): void {
    const stream = vhost.streams.find(this.#name(this.#random.pick(['s', 's', 'q'])))
    if (stream !== undefined) vhost.streams.delete(stream)
  }

  #commit(vhost: VirtualHost): void {
    const stream = vhost.streams.find(this.#name('s'))
    if (stream === undefined) return
    const commits = stream.partitions.map((_, partition) => {
      const offset = this.#random.integer(0, 1000)
      const rest = { leaderEpoch: 0, metadata: 'm', committedMs: 5, retentionMs: null }
      return { stream, partition, commit: { offset, ...rest } }
    })
    vhost.committedOffsets.commit(this.#name('g'), commits)
  }

  #permit(vhost: VirtualHost): void {
    const rights = { configure: '.*', write: this.#name('^'), read: '' }
    this.#world.broker.access.permissions.set({
      user: this.#name('u'),
      vhost: vhost.name,
      ...rights,
    })
  }
}

/** What tells a thing from all others; equal for what puts it and what says that it is gone. */
function identityOf(declaration: Declaration): string {
  const kind = declaration.kind.replace('-gone', '')
  switch (declaration.kind) {
    case 'broker':
      return kind
    case 'virtual-host':
    case 'virtual-host-gone':
    case 'user':
    case 'user-gone':
      return JSON.stringify([kind, declaration.name])
    case 'permission':
    case 'permission-gone':
      return JSON.stringify([kind, declaration.user, declaration.vhost])
    case 'binding':
    case 'binding-gone': {
      const { vhost, source, destinationKind, destination, routingKey } = declaration
      const given = keyOf(declaration.arguments)
      return JSON.stringify([kind, vhost, source, destinationKind, destination, routingKey, given])
    }
    case 'offset':
    case 'offset-gone': {
      const { vhost, group, stream, partition } = declaration
      return JSON.stringify([kind, vhost, group, stream.toString('hex'), partition])
    }
    case 'group-gone':
      return JSON.stringify([kind, declaration.vhost, declaration.group])
    default:
      return JSON.stringify([kind, declaration.vhost, declaration.name])
  }
}

/** All things by their identity, each as the bytes that are kept of it. */
function contentsOf(declarations: Iterable<Declaration>): Map<string, string> {
  const entries = Array.from(declarations, (declaration) => {
    const given =
      declaration.kind === 'broker' ? { ...declaration, nextProducerId: 0 } : declaration
    const [bytes] = encodeDeclarations([given])
    return [identityOf(declaration), bytes?.toString('hex') ?? ''] as const
  })
  return new Map(entries.sort(([one], [other]) => (one < other ? -1 : 1)))
}

/** The meaning of the records, from the beginning on and without any table: the last word on each thing holds. */
function addUp(lists: readonly (readonly Declaration[])[]): Declaration[] {
  const things = new Map<string, Declaration>()
  for (const declaration of lists.flat()) {
    things.delete(identityOf(declaration))
    if (!declaration.kind.endsWith('-gone')) things.set(identityOf(declaration), declaration)
    for (const [key, thing] of things) if (goesWith(thing, declaration)) things.delete(key)
  }
  return [...things.values()]
}

/** Whether a thing cannot be without what is said to be gone. */
function goesWith(thing: Declaration, gone: Declaration): boolean {
  switch (gone.kind) {
    case 'queue-gone':
    case 'exchange-gone': {
      if (thing.kind !== 'binding' || thing.vhost !== gone.vhost) return false
      const kind = gone.kind === 'queue-gone' ? 'queue' : 'exchange'
      const endsThere = thing.destinationKind === kind && thing.destination === gone.name
      return endsThere || (kind === 'exchange' && thing.source === gone.name)
    }
    case 'stream-gone':
      if (thing.kind === 'offset' || thing.kind === 'stream-queue') {
        return thing.stream.equals(gone.id)
      }
      if (thing.kind === 'feed') return thing.vhost === gone.vhost && thing.stream === gone.name
      if (thing.kind !== 'binding' || thing.vhost !== gone.vhost) return false
      return thing.destinationKind === 'stream' && thing.destination === gone.name
    case 'group-gone':
      return thing.kind === 'offset' && thing.vhost === gone.vhost && thing.group === gone.group
    case 'user-gone':
      return thing.kind === 'permission' && thing.user === gone.name
    case 'virtual-host-gone':
      return thing.kind !== 'user' && 'vhost' in thing && thing.vhost === gone.name
    default:
      return false
  }
}

/** A run of random actions, during part of which a snapshot was taken. */
interface Run {
  readonly world: DeclaringBroker
  readonly snapshot: readonly Declaration[]
  /** Lists that were told before the snapshot was begun. */
  readonly before: number
}

function runOf(seed: number): Run {
  const random = new SeededRandom(seed)
  const world = new DeclaringBroker({ seed })
  const actor = new Actor(world, random)
  const start = random.integer(0, ACTIONS / 2)
  for (let i = 0; i < start; i++) actor.act()
  const before = world.lists.length
  const snapshot: Declaration[] = []
  const unlisted = world.broker.definitions.declarations()
  let isListed = false
  const listSome = (pieces: number): void => {
    for (let left = pieces; left > 0 && !isListed; left--) {
      const { value, done } = unlisted.next()
      isListed = done === true
      if (!isListed && value) snapshot.push(...reread([value]))
    }
  }
  const piecesMax = random.pick([1, 2, 5])
  for (let i = start; i < ACTIONS; i++) {
    actor.act()
    listSome(random.integer(0, piecesMax))
  }
  listSome(Infinity)
  return { world, snapshot, before }
}

test('what lasts is what all that was told adds up to', () => {
  for (let seed = 1; seed <= RUNS; seed++) {
    const { world } = runOf(seed)
    const isDeclared = ({ kind }: Declaration): boolean => kind !== 'broker'
    const own = world.snapshot().filter((each) => isDeclared(each) && !isRoot(each))
    assert.deepEqual(contentsOf(own), contentsOf(addUp(world.lists).filter(isDeclared)), `${seed}`)
  }
})

function isRoot(declaration: Declaration): boolean {
  return declaration.kind === 'virtual-host' && declaration.name === '/'
}

test('a snapshot taken in pieces, and all that was told since it was begun, give back exactly what there was', () => {
  for (let seed = 1; seed <= RUNS; seed++) {
    const { world, snapshot, before } = runOf(seed)
    const restored = new DeclaringBroker({ seed: seed + 1 })
    restored.restore(snapshot)
    // The journal may begin long before the snapshot: what was told by then is told once more.
    const from = seed % 2 === 0 ? before : new SeededRandom(seed).integer(0, before)
    for (const list of world.lists.slice(from)) restored.restore(list)
    restored.broker.definitions.finish()
    assert.deepEqual(contentsOf(restored.snapshot()), contentsOf(world.snapshot()), `seed ${seed}`)
    assert.deepEqual(bindingCounts(restored), bindingCounts(world, { lasting: true }), `${seed}`)
    assert.deepEqual(restored.lists, [], 'restoring tells nobody')
  }
})

test('restoring it all twice is the same as once', () => {
  for (let seed = 1; seed <= RUNS / 4; seed++) {
    const { world } = runOf(seed)
    const restored = new DeclaringBroker({ seed })
    for (let times = 0; times < 2; times++) restored.restore(world.snapshot())
    restored.broker.definitions.finish()
    assert.deepEqual(contentsOf(restored.snapshot()), contentsOf(world.snapshot()), `seed ${seed}`)
  }
})

/** How many bindings start at each exchange that has some: the other way of looking at them than a snapshot's. */
function bindingCounts(
  { broker }: DeclaringBroker,
  { lasting = false } = {},
): Record<string, number> {
  const counts: Record<string, number> = {}
  for (const vhost of broker.virtualHosts.values()) {
    for (const [name, { bindings, options }] of vhost.exchanges) {
      const counted = [...bindings].filter(({ destination }) => {
        return !lasting || (options.durable && isLasting(destination))
      })
      if (counted.length > 0) counts[`${vhost.name} ${name}`] = counted.length
    }
  }
  return counts
}
