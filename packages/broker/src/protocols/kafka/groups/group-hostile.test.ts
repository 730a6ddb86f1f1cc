import assert from 'node:assert/strict'
import { test } from 'node:test'
import { KafkaError } from '../errors.ts'
import { answerOf, FakeMember, protocolsOf } from './testing/fake-member.ts'
import { GroupWorld } from './testing/group-world.ts'

/*
 * Clients that name themselves by any id and instance they have seen, in any combination: nothing
 * may throw, least of all in a timer, and when all are gone nothing is left of them.
 */
const RUNS = 150
const STEPS = 300
const BYTES_MAX = 100_000

test('clients that say they are anybody do no harm', (context) => {
  for (let run = 0; run < RUNS; run++) {
    const seed = 0xbad + run * 7919
    try {
      new Strangers(seed).play()
    } catch (error) {
      context.diagnostic(`seed ${seed}`)
      throw error
    }
  }
})

class Strangers {
  readonly #world: GroupWorld = new GroupWorld({ membersBytesMax: BYTES_MAX })
  readonly #ids: string[] = ['', 'never-given']
  readonly #waiters: { abandon(): void }[] = []
  #state: number

  constructor(seed: number) {
    this.#state = seed
  }

  play(): void {
    for (let step = 0; step < STEPS; step++) this.#act()
    for (const waiter of this.#waiters) waiter.abandon()
    this.#world.pass(200_000)
    this.#world.jump(400_000)
    this.#world.jump(400_000)
    // All memory is free again: one member may have nearly all of it.
    const last = new FakeMember(this.#world, { name: 'last', takesIdFirst: false })
    last.protocols = [{ name: 'range', metadata: Buffer.alloc(BYTES_MAX - 2000) }]
    const asked = last.join()
    this.#world.pass(100)
    assert.equal(answerOf(asked).error, KafkaError.NONE)
  }

  #act(): void {
    const { coordinator, groupId } = this.#world
    const member = this.#someone()
    const identity = { ...member.identity, generation: this.#below(6) - 1 }
    switch (this.#below(8)) {
      case 0:
      case 1:
      case 2:
        return this.#join(member)
      case 3:
      case 4: {
        const assignments = this.#ids.map((memberId) => ({
          memberId,
          assignment: Buffer.alloc(this.#below(900)),
        }))
        this.#waiters.push(member.sync(assignments, identity).waiter)
        return
      }
      case 5:
        coordinator.heartbeat(groupId, identity)
        coordinator.checkCommit(groupId, identity)
        return
      case 6:
        coordinator.leave(groupId, [identity, this.#someone().identity])
        return
      default:
        this.#waiters[this.#below(this.#waiters.length + 1)]?.abandon()
        return this.#world.pass(this.#below(10) === 0 ? 12_000 : this.#below(500))
    }
  }

  #join(member: FakeMember): void {
    this.#waiters.push(member.askJoin().waiter)
    if (member.id !== '' && !this.#ids.includes(member.id)) this.#ids.push(member.id)
  }

  #someone(): FakeMember {
    const instanceId = [null, null, 'i', 'j'][this.#below(4)]
    const names = [['range'], ['range', 'sticky'], ['sticky'], []][this.#below(4)] as string[]
    const member = new FakeMember(this.#world, {
      name: 'stranger',
      protocols: names,
      takesIdFirst: this.#below(2) === 0,
      skipsAssignment: this.#below(2) === 0,
      ...(instanceId == null ? {} : { instanceId }),
    })
    member.protocols = protocolsOf(names, 'x'.repeat(this.#below(300)))
    member.id = this.#ids[this.#below(this.#ids.length)] as string
    return member
  }

  /** Park and Miller's generator. */
  #below(limit: number): number {
    this.#state = (this.#state * 48_271) % 2_147_483_647
    return this.#state % limit
  }
}
