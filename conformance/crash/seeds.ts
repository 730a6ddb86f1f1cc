import { Random } from '../amqp/random.ts'

/**
 * A source of numbers of its own for each part of a run. Neighbouring seeds would begin with like
 * numbers, so their bits are spread first.
 */
export function randomFor(seed: number, part: string): Random {
  let mixed = seed
  for (const char of part)
    mixed = Math.imul(mixed ^ char.charCodeAt(0), 0x9e37_79b1) ^ (mixed >>> 15)
  return new Random(mixed)
}
