import type { Durability } from '../../core/commits.ts'

/** What a run is like. */
export interface Shape {
  readonly name: string
  readonly slotBytes: number
  /** Of queues that do not say. */
  readonly durability: Durability
  /** Of a body: most are small. */
  readonly bodyBytesMax: number
  /** Messages of one publishing at the most. */
  readonly burst: number
  /** How many messages may wait before nothing more is published. */
  readonly backlogMax: number
  /** Share of what is out that is settled each time that anything is. */
  readonly ackShare: number
}

export const shapes: readonly Shape[] = [
  {
    name: 'busy',
    slotBytes: 65_536,
    durability: 'sync',
    bodyBytesMax: 8192,
    burst: 8,
    backlogMax: 120,
    ackShare: 0.7,
  },
  {
    name: 'backlog',
    slotBytes: 65_536,
    durability: 'sync',
    bodyBytesMax: 3000,
    burst: 16,
    backlogMax: 400,
    ackShare: 0.3,
  },
  {
    name: 'large',
    slotBytes: 131_072,
    durability: 'sync',
    bodyBytesMax: 30_720,
    burst: 3,
    backlogMax: 60,
    ackShare: 0.5,
  },
  {
    name: 'survivors',
    slotBytes: 65_536,
    durability: 'sync',
    bodyBytesMax: 1500,
    burst: 10,
    backlogMax: 300,
    ackShare: 0.9,
  },
  {
    name: 'page cache',
    slotBytes: 65_536,
    durability: 'os',
    bodyBytesMax: 6000,
    burst: 8,
    backlogMax: 120,
    ackShare: 0.7,
  },
]
