import type { FaultyDisk } from '../faulty-disk.ts'
import { goOn } from './aftermath.ts'
import type { Damage } from './damage.ts'
import { judge } from './judgement.ts'
import { observe, type Observation } from './observation.ts'
import { openBroker } from './opening.ts'
import { momentOf } from './check.ts'
import type { RecordedLife, RecordedRun } from './recorded-run.ts'

export interface DamagedLife {
  readonly run: RecordedRun
  readonly life: RecordedLife
  /** The last operation before the power went. */
  readonly index: number
  /** What that has left, damaged. */
  readonly disk: FaultyDisk
  readonly damage: Damage
}

export interface DamageVerdict {
  /** Nobody needed the bytes; a queue stopped; the broker did not start. */
  readonly outcome: 'harmless' | 'stopped' | 'refused'
  readonly complaints: readonly string[]
}

/** Damage must be noticed by whom it concerns, and by nobody else: never a wrong byte, nothing lost in silence, nothing deleted. */
export async function checkDamage(damaged: DamagedLife): Promise<DamageVerdict> {
  const { disk, run, damage } = damaged
  const before = contentsOf(disk)
  try {
    const opened = await openBroker(disk, run.options.shape)
    const found = await observe(opened.durable, run.messages)
    const stopped = [...found.queues.values()].filter((queue) => queue.stopped !== null)
    const complaints = [...judgeFound(damaged, found), ...judgeStopped(damaged, found)]
    if (complaints.length === 0) complaints.push(...(await goOn(opened, { found, run })))
    return { outcome: stopped.length > 0 ? 'stopped' : 'harmless', complaints }
  } catch (error) {
    return { outcome: 'refused', complaints: [...judgeRefusal(error, { damage, disk, before })] }
  } finally {
    disk.halt()
  }
}

function judgeFound({ life, index }: DamagedLife, found: Observation): string[] {
  const { history, moment } = momentOf(life, index)
  return judge(history, found, { moment, crash: 'power', mayStop: true })
}

function* judgeStopped({ damage, disk }: DamagedLife, found: Observation): Iterable<string> {
  const { kind, file, how, queue } = damage
  for (const { name, objectId, stopped } of found.queues.values()) {
    if (stopped === null) continue
    if (kind === 'snapshot') yield `queue ${name} stopped because of the snapshot`
    if (queue !== null && objectId !== queue) yield `queue ${name} stopped for queue ${queue}`
    if (!stopped.message.includes(file)) yield `queue ${name} stopped: ${stopped.message}`
    if (kind === 'keep' && how !== 'missing' && !disk.files().includes(file))
      yield `${file} is gone`
  }
}

function* judgeRefusal(
  error: unknown,
  {
    damage,
    disk,
    before,
  }: { damage: Damage; disk: FaultyDisk; before: ReadonlyMap<string, Buffer> },
): Iterable<string> {
  const isKnown = error instanceof Error && REFUSALS.includes(error.name)
  if (!isKnown) yield error instanceof Error ? (error.stack ?? error.message) : String(error)
  else if (damage.kind === 'keep')
    yield `nothing starts because of ${damage.file}: ${error.message}`
  // In the journal the place that is named may be that of the batch before.
  else if (!error.message.includes(placeOf(damage)) && error.name === 'StoreDamage') {
    yield `the damage is in ${damage.file}: ${error.message}`
  }
  for (const [file, bytes] of before) {
    if (!disk.files().includes(file)) yield `${file} was deleted`
    else if (!disk.contentOf(file).equals(bytes)) yield `${file} was changed`
  }
}

function placeOf({ kind, file }: Damage): string {
  return kind === 'journal' ? 'journal/slot-' : file
}

/** A snapshot that is damaged where its version is looks like that of another version. */
const REFUSALS: readonly string[] = ['StoreDamage', 'StoreVersionError']

function contentsOf(disk: FaultyDisk): Map<string, Buffer> {
  return new Map(disk.files().map((file) => [file, disk.contentOf(file)]))
}
