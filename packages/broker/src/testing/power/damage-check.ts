import type { FaultyDisk } from '../faulty-disk.ts'
import type { SeededRandom } from '../seeded-random.ts'
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
  readonly random: SeededRandom
}

export interface DamageVerdict {
  /** Nobody needed the bytes; a queue stopped; the broker did not start. */
  readonly outcome: 'harmless' | 'stopped' | 'refused'
  readonly complaints: readonly string[]
}

/** Damage must be noticed by whom it concerns, and by nobody else: never a wrong byte, nothing lost in silence, nothing deleted. */
export async function checkDamage(damaged: DamagedLife): Promise<DamageVerdict> {
  const { disk, run, random, damage } = damaged
  const before = contentsOf(disk)
  try {
    const opened = await openBroker(disk, { shape: run.options.shape, random })
    const found = await observe(opened.durable, run.messages)
    const stopped = stoppedOf(found)
    const complaints = [...judgeFound(damaged, found), ...judgeStopped(damaged, stopped)]
    if (complaints.length === 0) complaints.push(...(await goOn(opened, { found, run, random })))
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

/** What has stopped: queues and partitions. */
interface Stopped {
  readonly name: string
  readonly objectId: number
  readonly reason: string
}

function stoppedOf({ queues, streams }: Observation): Stopped[] {
  const stopped: Stopped[] = []
  for (const { name, objectId, stopped: error } of queues.values()) {
    if (error !== null) stopped.push({ name: `queue ${name}`, objectId, reason: error.message })
  }
  for (const { name, partitions } of streams.values()) {
    for (const [index, { objectId, damage }] of partitions.entries()) {
      if (damage !== null)
        stopped.push({ name: `stream ${name}/${index}`, objectId, reason: damage })
    }
  }
  return stopped
}

function* judgeStopped(
  { damage, disk }: DamagedLife,
  stopped: readonly Stopped[],
): Iterable<string> {
  const { kind, file, how, owner } = damage
  for (const { name, objectId, reason } of stopped) {
    if (kind === 'snapshot') yield `${name} stopped because of the snapshot`
    if (owner !== null && objectId !== owner) yield `${name} stopped, and not ${owner}`
    if (!reason.includes(file)) yield `${name} stopped: ${reason}`
    const isFileKept = kind === 'journal' || how === 'missing' || disk.files().includes(file)
    if (!isFileKept) yield `${file} is gone`
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
  else if (damage.kind === 'keep' || damage.kind === 'streams')
    yield `nothing starts because of ${damage.file}: ${error.message}`
  // In the journal the place that is named may be that of the batch before.
  else if (!error.message.includes(placeOf(damage)) && error.name === 'StoreDamage') {
    yield `the damage is in ${damage.file}: ${error.message}`
  }
  for (const [file, bytes] of before) {
    if (!disk.files().includes(file)) yield `${file} was deleted`
    // What the journal has of a stream may have been written to its files before the damage was met.
    else if (!file.startsWith('streams/') && !disk.contentOf(file).equals(bytes))
      yield `${file} was changed`
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
