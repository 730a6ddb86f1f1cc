import type { Clock } from '../../../../base/clock.ts'
import { Timers } from '../../../../base/timers.ts'
import { CommittedOffsets } from '../../../../core/stream/committed-offsets.ts'
import { GroupCoordinator } from '../group-coordinator.ts'
import type { GroupDescription } from '../group-requests.ts'
import type { GroupSettings } from '../limits.ts'

const TICK_MS = 10

/** A coordinator with a clock that is moved by hand and dice that always fall the same. */
export class GroupWorld {
  readonly coordinator: GroupCoordinator
  readonly groupId: string
  readonly #clock: ManualClock
  readonly #timers: Timers

  constructor(
    settings: Partial<GroupSettings> = {},
    groupId: string = 'g',
    { offsets, clock }: { offsets?: CommittedOffsets; clock?: ManualClock } = {},
  ) {
    this.groupId = groupId
    this.#clock = clock ?? new ManualClock()
    this.#timers = new Timers(this.#clock, () => () => {})
    const random = { bytes: countingBytes() }
    const broker = { turn: { clock: this.#clock }, timers: this.#timers, random }
    const vhost = { committedOffsets: offsets ?? noOffsets() }
    this.coordinator = new GroupCoordinator({ broker, vhost, settings })
  }

  /** The world after its broker has been ended and started again: of groups, the commits are left. */
  restart(): GroupWorld {
    const { settings, offsets } = this.coordinator
    return new GroupWorld(settings, this.groupId, { offsets, clock: this.#clock })
  }

  get nowMs(): number {
    return this.#clock.nowMs()
  }

  get group(): GroupDescription {
    const description = this.coordinator.describe(this.groupId)
    if (description === undefined) throw new Error('there is no group')
    return description
  }

  /** Lets time pass, every timer at its own. */
  pass(ms: number): void {
    const untilMs = this.#clock.nowMs() + ms
    while (this.#clock.nowMs() < untilMs) {
      this.#clock.ms = Math.min(untilMs, this.#clock.ms + TICK_MS)
      this.#timers.advance()
    }
  }

  /** Lets a long time pass in which timers are looked at only once; later ones may be late. */
  jump(ms: number): void {
    this.#clock.ms += ms
    this.#timers.advance()
  }
}

class ManualClock implements Clock {
  ms: number = 1_000_000

  nowMs(): number {
    return this.ms
  }

  wallMs(): number {
    return 1_700_000_000_000 + this.ms
  }
}

function countingBytes(): (count: number) => Buffer {
  let drawn = 0
  return (count) => {
    const bytes = Buffer.alloc(count)
    bytes.writeUInt32BE(++drawn, count - 4)
    return bytes
  }
}

function noOffsets(): CommittedOffsets {
  return new CommittedOffsets({
    vhost: '/',
    streams: { findById: () => undefined },
    declarations: null,
    metadataBytesMax: 4096,
    bytesMax: 2 ** 28,
  })
}
