import type { CrashChoice } from '../faulty-disk/power-cut.ts'
import type { FaultyDisk } from '../faulty-disk.ts'
import { SeededRandom } from '../seeded-random.ts'
import { END, type Crash, type History, type Moment } from './history.ts'
import { judge } from './judgement.ts'
import { observe, type Observation } from './observation.ts'
import { openBroker, type OpenedBroker } from './opening.ts'
import type { RecordedLife, RecordedRun } from './recorded-run.ts'
import { goOn } from './aftermath.ts'

/** A crash of a recorded life, and what it has left. */
export interface CrashedLife {
  readonly run: RecordedRun
  readonly life: RecordedLife
  /** The last operation before it. */
  readonly index: number
  readonly disk: FaultyDisk
  readonly crash: Crash
  /** For choices of the check's own. */
  readonly seed: number
}

/** Starts a broker on what a crash has left, and looks whether all is there that was promised. Returns what is wrong, in words. */
export async function checkCrash(crashed: CrashedLife): Promise<string[]> {
  try {
    return await new Check(crashed).run()
  } catch (error) {
    return [error instanceof Error ? (error.stack ?? error.message) : String(error)]
  }
}

/** What had been promised when the operation was done, and when that was. */
export function momentOf(
  life: RecordedLife,
  index: number,
): { readonly history: History; readonly moment: Moment; readonly isOpen: boolean } {
  const { history, before, openedAt } = life
  if (history === null || index + 1 < openedAt)
    return { history: before, moment: END, isOpen: false }
  return { history, moment: index + 1, isOpen: true }
}

class Check {
  readonly #crashed: CrashedLife
  readonly #random: SeededRandom
  readonly #history: History
  readonly #moment: Moment
  readonly #crash: Crash

  constructor(crashed: CrashedLife) {
    const { life, index, crash, seed } = crashed
    this.#crashed = crashed
    this.#random = new SeededRandom(seed)
    const { history, moment, isOpen } = momentOf(life, index)
    this.#history = history
    this.#moment = moment
    // What those before had promised may have been lost with them.
    this.#crash = isOpen || crash === 'power' ? crash : life.endBefore
  }

  async run(): Promise<string[]> {
    const { disk, run } = this.#crashed
    const opened = await this.#open(disk)
    const found = await observe(opened.durable, run.messages)
    const complaints = [...this.#judge(found), ...madeAgain(opened)]
    if (complaints.length > 0) return complaints
    // Each of these costs as much as all the rest.
    if (this.#random.chance(0.3)) complaints.push(...(await this.#crashAgain(opened, found)))
    if (this.#random.chance(0.2))
      complaints.push(...(await goOn(opened, { found, run, random: this.#random })))
    disk.halt()
    return complaints
  }

  #open(disk: FaultyDisk): Promise<OpenedBroker> {
    return openBroker(disk, { shape: this.#crashed.run.options.shape, random: this.#random })
  }

  #judge(found: Observation): string[] {
    return judge(this.#history, found, { moment: this.#moment, crash: this.#crash })
  }

  /** The same happens again while the broker starts, or the power goes right after that. Where it makes no difference, the next start finds the same. */
  async #crashAgain({ disk, openedAt }: OpenedBroker, before: Observation): Promise<string[]> {
    const random = this.#random
    const when = random.pick(['before', 'within', 'within', 'within', 'after'] as const)
    const within = random.integer(-1, openedAt - 1)
    const index = when === 'within' ? within : when === 'before' ? -1 : openedAt - 1
    const policy = random.pick(['none', 'prefix', 'subset', 'subset'] as const)
    const choice: CrashChoice = { policy, seed: random.integer(0, 2 ** 31 - 1) }
    const isCut = when === 'after' || this.#crashed.crash === 'power'
    const again = isCut ? disk.crashAt(index, choice) : disk.kill(index)
    const { durable } = await this.#open(again)
    const found = await observe(durable, this.#crashed.run.messages)
    again.halt()
    const complaints = this.#judge(found)
    if (when !== 'within') complaints.push(...differences(before, found))
    const how = isCut ? JSON.stringify(choice) : 'killed'
    return complaints.map((each) => `again after operation ${index} of the start, ${how}: ${each}`)
  }
}

/** No crash costs an index: to make one again takes a walk through all of its file. */
function madeAgain({ durable }: OpenedBroker): string[] {
  const lines = durable.logger.lines.filter(({ message }) => /^making the indexes/.test(message))
  return lines.map(({ message, fields }) => `${message}: ${String(fields['file'])}`)
}

/** What a broker that was open had, and the next one has not. */
function* differences(before: Observation, after: Observation): Iterable<string> {
  for (const [objectId, { name, messages }] of before.queues) {
    const now = new Map(after.queues.get(objectId)?.messages.map((each) => [each.sequence, each]))
    for (const { sequence, id, redelivered } of messages) {
      const found = now.get(sequence)
      if (found === undefined) yield `queue ${name}: message ${id} was there after the first start`
      else if (redelivered && !found.redelivered) yield `queue ${name}: message ${id} lost its flag`
      now.delete(sequence)
    }
    for (const { id } of now.values()) yield `queue ${name}: message ${id} was not there before`
  }
  for (const [key, value] of before.definitions) {
    if (after.definitions.get(key) !== value) yield `${key} was ${value} after the first start`
  }
}
