/** A seeded source of numbers: what failed once can be run again. [xorshift32] */
export class Random {
  readonly seed: number
  #state: number

  constructor(seed: number) {
    this.seed = seed
    this.#state = seed | 1
  }

  /** An integer from 0 up to but without `bound`. */
  below(bound: number): number {
    let x = this.#state
    x ^= x << 13
    x ^= x >>> 17
    x ^= x << 5
    this.#state = x
    return (x >>> 0) % bound
  }

  bytes(count: number): Buffer {
    return Buffer.from(Array.from({ length: count }, () => this.below(256)))
  }

  oneOf<T>(items: readonly T[]): T {
    return items[this.below(items.length)] as T
  }
}

/** POLYMQ_TEST_SEED, or a new one each time. */
export function randomFromEnvironment(): Random {
  const seed = process.env['POLYMQ_TEST_SEED']
  return new Random(seed === undefined ? Math.trunc(Math.random() * 2 ** 31) : Number(seed))
}
