import type { Logger } from '../base/log.ts'
import { Timer, type Timers } from '../base/timers.ts'
import { limits } from './limits.ts'
import type { Memory } from './memory.ts'

/** What publishers wait for. More than one may be raised at a time. */
export const Alarm = {
  /** Messages take as much memory as they may. */
  memory: 1,
  /** Less of the disk is free than has to be. */
  disk: 2,
  /** The disk does not keep up with the journal. It is often over before anybody notices. */
  journal: 4,
} as const
export type Alarm = (typeof Alarm)[keyof typeof Alarm]

/** Told when publishers have to wait, when they may go on, and when there is a new reason to tell them. */
export interface AlarmListener {
  alarmsChanged(): void
}

export interface AlarmsOptions {
  readonly memory: Memory
  /** Less than this free on the disk raises its alarm; 0 for never. */
  readonly diskFreeBytesMin: number
  readonly timers: Timers
  readonly logger: Logger
}

/**
 * Why publishers wait. Whatever frees what is short (consuming, acknowledging, purging, deleting) is never held up.
 *
 * It decides when, not how: each head stops its publishers in its own way and tells them in its own words. It
 * measures nothing by itself. Invariant: publishers wait if and only if `raised` is not 0.
 */
export class Alarms {
  /** Bits of Alarm. */
  raised: number = 0
  readonly diskFreeBytesMin: number
  readonly #memory: Memory
  readonly #timers: Timers
  readonly #listeners = new Set<AlarmListener>()
  readonly #journalPatience: Timer
  readonly #episodes: ReadonlyMap<Alarm, Episode>
  /** Those of `raised` that clients are told of. */
  #told: number = 0

  constructor({ memory, diskFreeBytesMin, timers, logger }: AlarmsOptions) {
    this.#memory = memory
    this.#timers = timers
    this.diskFreeBytesMin = diskFreeBytesMin
    this.#journalPatience = new Timer(() => this.#tell(Alarm.journal))
    const episode = (alarm: Alarm): [Alarm, Episode] => {
      return [alarm, new Episode(stories[alarm], { timers, logger })]
    }
    this.#episodes = new Map([Alarm.memory, Alarm.disk, Alarm.journal].map(episode))
  }

  /** What clients are told, in RabbitMQ's words; null if there is nothing to tell, although they may have to wait. */
  get reason(): string | null {
    return this.#told === 0 ? null : textOf(this.#told)
  }

  /** The same of all that is raised, told or not. */
  get fullReason(): string {
    return textOf(this.raised)
  }

  listen(listener: AlarmListener): void {
    this.#listeners.add(listener)
  }

  unlisten(listener: AlarmListener): void {
    this.#listeners.delete(listener)
  }

  /** Takes a new reading of the message log. */
  measureMemory(logBytes: number): void {
    if (!this.#memory.update(logBytes)) return
    if (this.#memory.full) this.raise(Alarm.memory)
    else this.clear(Alarm.memory)
  }

  /** So much is free on the disk. */
  diskFree(bytes: number): void {
    if (bytes < this.diskFreeBytesMin) this.raise(Alarm.disk)
    else this.clear(Alarm.disk)
  }

  raise(alarm: Alarm): void {
    if ((this.raised & alarm) !== 0) return
    this.raised |= alarm
    // Clients make a fuss of it, in logs and pages of their own: not for a blink.
    if (alarm === Alarm.journal) this.#timers.set(this.#journalPatience, limits.journalPatienceMs)
    else this.#tell(alarm)
  }

  clear(alarm: Alarm): void {
    if ((this.raised & alarm) === 0) return
    this.raised &= ~alarm
    this.#told &= ~alarm
    if (alarm === Alarm.journal) this.#timers.clear(this.#journalPatience)
    this.#episodes.get(alarm)?.end()
    this.#changed()
  }

  #tell(alarm: Alarm): void {
    this.#told |= alarm
    this.#episodes.get(alarm)?.begin()
    this.#changed()
  }

  #changed(): void {
    for (const listener of [...this.#listeners]) listener.alarmsChanged()
  }
}

/** What the log says of one alarm: what happened, and what to do. */
interface Story {
  readonly begins: string
  readonly ends: string
}

const stories: Readonly<Record<Alarm, Story>> = {
  [Alarm.memory]: {
    begins:
      'memory limit reached: publishers wait until consumers have caught up. ' +
      'Purge or delete queues and topics that nobody reads, or start with more --memory',
    ends: 'memory is free again: publishers go on',
  },
  [Alarm.disk]: {
    begins:
      "low on disk: publishers wait until more is free where the data directory is. Remove other things's files " +
      'from that disk, let consumers catch up, or start with a lower --disk-free-limit',
    ends: 'enough of the disk is free again: publishers go on',
  },
  [Alarm.journal]: {
    begins:
      'the disk does not keep up: publishers wait until the journal has room. ' +
      'Look what else keeps the disk busy; nothing is lost, and nothing need be done if it ends soon',
    ends: 'the disk keeps up again: publishers go on',
  },
}

/** In the order in which RabbitMQ names them; its own internal flow control it does not name. */
const shortages: readonly (readonly [Alarm, string])[] = [
  [Alarm.memory, 'memory'],
  [Alarm.disk, 'disk'],
  [Alarm.journal, 'journal space'],
]

function textOf(alarms: number): string {
  const names = shortages.filter(([alarm]) => (alarms & alarm) !== 0).map(([, name]) => name)
  return `low on ${names.join(' & ')}`
}

/** One line when it begins and one when it has been over for a while: a limit that is just met comes and goes all the time. */
class Episode {
  readonly #story: Story
  readonly #timers: Timers
  readonly #logger: Logger
  readonly #quiet: Timer
  #isTold: boolean = false

  constructor(story: Story, { timers, logger }: Pick<AlarmsOptions, 'timers' | 'logger'>) {
    this.#story = story
    this.#timers = timers
    this.#logger = logger
    this.#quiet = new Timer(() => this.#over())
  }

  begin(): void {
    this.#timers.clear(this.#quiet)
    if (this.#isTold) return
    this.#isTold = true
    this.#logger.warn(this.#story.begins)
  }

  end(): void {
    if (this.#isTold) this.#timers.set(this.#quiet, limits.alarmQuietMs)
  }

  #over(): void {
    this.#isTold = false
    this.#logger.info(this.#story.ends)
  }
}
