import type { DiskOperation } from '../faulty-disk/operation.ts'
import type { Ignore, Stage } from './recorded-run.ts'

/** A sync that storage asks for, and that a suite has to miss. */
export interface SyncMutant {
  readonly name: string
  readonly isLeftOut: Ignore
}

const STAGES: readonly Stage[] = ['opening', 'running', 'closing']

/** What is asked for, by kind and file; one that is asked for at several stages counts at each. */
const SYNCS: readonly {
  readonly name: string
  readonly kind: 'sync' | 'syncFolder'
  readonly file: RegExp
  readonly stages: readonly Stage[]
}[] = [
  { name: 'a slot of the journal', kind: 'sync', file: /^journal\/slot-\d+$/, stages: ['running'] },
  { name: "the journal's folder", kind: 'syncFolder', file: /^journal$/, stages: ['running'] },
  { name: 'a keep file', kind: 'sync', file: /^keep\/[0-9a-f]{16}$/, stages: STAGES },
  { name: "the keep files' folder", kind: 'syncFolder', file: /^keep$/, stages: STAGES },
  { name: 'records of a stream', kind: 'sync', file: /^streams\/\d+\/\d+\.log$/, stages: STAGES },
  { name: 'index of a stream', kind: 'sync', file: /^streams\/\d+\/\d+\.index$/, stages: STAGES },
  {
    name: 'times of a stream',
    kind: 'sync',
    file: /^streams\/\d+\/\d+\.timeindex$/,
    stages: STAGES,
  },
  { name: "a partition's folder", kind: 'syncFolder', file: /^streams\/\d+$/, stages: STAGES },
  { name: "the streams' folder", kind: 'syncFolder', file: /^streams$/, stages: STAGES },
  { name: 'the new snapshot', kind: 'sync', file: /^snapshot\.tmp$/, stages: STAGES },
  { name: 'the data directory', kind: 'syncFolder', file: /^$/, stages: STAGES },
]

/** Each sync, left out at each stage of a broker's life. */
export const syncMutants: readonly SyncMutant[] = SYNCS.flatMap(({ name, kind, file, stages }) =>
  stages.map((stage) => ({
    name: `${name}, ${stage}`,
    isLeftOut: (operation: DiskOperation, at: Stage) =>
      at === stage && operation.kind === kind && file.test(operation.file),
  })),
)

/** What none of them leaves out: a sync that nobody would miss. */
export function isKnownSync(operation: DiskOperation): boolean {
  const { kind, file } = operation
  const isSync = kind === 'sync' || kind === 'syncFolder'
  return !isSync || SYNCS.some((known) => known.kind === kind && known.file.test(file))
}
