import { randomBytes } from 'node:crypto'

/** Where salts and keys come from: an argument, so that a test can repeat what it saw. */
export interface RandomSource {
  /** `count` unpredictable bytes, the caller's to keep. */
  bytes(count: number): Buffer
}

/** The operating system's generator, for the app to hand in. */
export const systemRandom: RandomSource = {
  bytes: (count: number): Buffer => randomBytes(count),
}
