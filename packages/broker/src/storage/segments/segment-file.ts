/** The files of one segment, by how their names end: the batches, and two indexes that can be made again of them. */
export const SegmentPart = { log: 'log', index: 'index', timeIndex: 'timeindex' } as const
export type SegmentPart = (typeof SegmentPart)[keyof typeof SegmentPart]

export const STREAMS_FOLDER = 'streams'

/** Where a partition keeps its segments. Ids are numbers of our own: no name of a client becomes one of a file. */
export function partitionFolder(id: number): string {
  return `${STREAMS_FOLDER}/${id}`
}

/** As Kafka names it: the segment's base offset in twenty digits. */
export function segmentFile(folder: string, base: number, part: SegmentPart): string {
  return `${folder}/${String(base).padStart(20, '0')}.${part}`
}

export interface SegmentFileName {
  readonly base: number
  readonly part: SegmentPart
}

/** What a name in a partition's folder says; null if it is none of a segment's. */
export function parseSegmentFile(name: string): SegmentFileName | null {
  const match = /^(\d{20})\.(log|index|timeindex)$/.exec(name)
  if (match === null) return null
  const base = Number(match[1])
  return Number.isSafeInteger(base) ? { base, part: match[2] as SegmentPart } : null
}
