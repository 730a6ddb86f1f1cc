import type { Durability } from './commits.ts'

/** The words, safest first. */
export const durabilities: readonly Durability[] = ['sync', 'os', 'memory']

export function isDurability(value: unknown): value is Durability {
  return durabilities.includes(value as Durability)
}
