/** Which of a stream's partitions a key belongs to. As Kafka's clients choose, so that keys of all origins meet. */
export function partitionOf(key: Uint8Array, partitions: number): number {
  return (murmur2(key) & 0x7fff_ffff) % partitions
}

const SEED = 0x9747_b28c | 0
const MULTIPLIER = 0x5bd1_e995

/** MurmurHash2 of 32 bits, as org.apache.kafka.common.utils.Utils.murmur2. */
export function murmur2(bytes: Uint8Array): number {
  const length = bytes.length
  let hash = SEED ^ length
  let at = 0
  for (; at + 4 <= length; at += 4) {
    let word = wordAt(bytes, at)
    word = Math.imul(word, MULTIPLIER)
    word ^= word >>> 24
    word = Math.imul(word, MULTIPLIER)
    hash = Math.imul(hash, MULTIPLIER) ^ word
  }
  if (at < length) hash = Math.imul(hash ^ tailOf(bytes, at), MULTIPLIER)
  hash ^= hash >>> 13
  hash = Math.imul(hash, MULTIPLIER)
  return hash ^ (hash >>> 15)
}

/** Little-endian. */
function wordAt(bytes: Uint8Array, at: number): number {
  return tailOf(bytes.subarray(at, at + 4), 0)
}

function tailOf(bytes: Uint8Array, at: number): number {
  let word = 0
  for (let i = bytes.length - 1; i >= at; i--) word = (word << 8) | (bytes[i] as number)
  return word
}
