/*
 * A record within a batch, aligned to 8 bytes:
 *
 *   0        4                8        12       16
 *   +--------+--------+-------+--------+--------+-----------------------+-----------
 *   | length | kind   targets | stamp  | check  | targets · 16 bytes    | payload …
 *   +--------+--------+-------+--------+--------+-----------------------+-----------
 *
 * `length` counts targets and payload; `kind` is the low octet of its word and the number of targets the rest. `stamp` is the low word of
 * position / 8: whoever reads a record back from a place that may have been written over sees by it whether it is still the one.
 * A target is: object u32 · 0 u32 · sequence u64. `check` is mixed from all words before the payload but itself, so that even in a damaged
 * batch it is known which objects a record is about. Words are little-endian, as the machine's.
 */
export const RECORD_HEADER_BYTES = 16
export const TARGET_BYTES = 16

/** The check of the record whose header stands at word `at`. */
export function recordCheck(words: Int32Array, at: number): number {
  const kind = words[at + 1] as number
  let hash = mix(mix(mix(0x9747b28c, words[at] as number), kind), words[at + 2] as number)
  const end = at + 4 + (kind >>> 8) * 4
  for (let i = at + 4; i < end; i += 4) {
    hash = mix(hash, words[i] as number)
    hash = mix(hash, words[i + 2] as number)
    hash = mix(hash, words[i + 3] as number)
  }
  return (hash ^ (hash >>> 15)) | 0
}

/** One step of MurmurHash3's. */
function mix(hash: number, word: number): number {
  let k = Math.imul(word, 0xcc9e2d51)
  k = (k << 15) | (k >>> 17)
  const h = hash ^ Math.imul(k, 0x1b873593)
  return (Math.imul((h << 13) | (h >>> 19), 5) + 0xe6546b64) | 0
}

/** The low word of position / 8. */
export function stampOf(position: number): number {
  return (position / 8) | 0
}
