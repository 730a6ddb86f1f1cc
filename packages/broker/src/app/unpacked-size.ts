/**
 * How large snappy and LZ4 data will be when it is opened: asked before, because the decoders go on for as long as there is
 * something to decode. Infinity for bytes that are no such data.
 */

const XERIAL = Buffer.from([0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0x00])
const XERIAL_HEADER_BYTES = 16

/** Whether it is framed as snappy-java does, which Kafka's Java clients send: blocks after their lengths. */
export function isXerial(bytes: Buffer): boolean {
  return bytes.subarray(0, XERIAL.length).equals(XERIAL)
}

/** The snappy blocks of a batch; null if its frame is broken. */
export function snappyBlocks(bytes: Buffer): Buffer[] | null {
  if (!isXerial(bytes)) return [bytes]
  const blocks: Buffer[] = []
  for (let at = XERIAL_HEADER_BYTES; at < bytes.length;) {
    if (at + 4 > bytes.length) return null
    const end = at + 4 + bytes.readUInt32BE(at)
    if (end > bytes.length) return null
    blocks.push(bytes.subarray(at + 4, end))
    at = end
  }
  return blocks
}

/** A block begins with its size, a varint. [snappy format_description] */
export function snappyBlockSize(block: Buffer): number {
  let size = 0
  for (let i = 0; i < 5; i++) {
    const octet = block[i]
    if (octet === undefined) return Infinity
    size += (octet & 0x7f) * 2 ** (7 * i)
    if (octet < 0x80) return size
  }
  return Infinity
}

const LZ4_MAGIC = 0x184d2204
const Lz4Flag = { blockChecksum: 0x10, contentSize: 0x08, dictionary: 0x01 } as const
/** No byte of a block becomes more. */
const LZ4_RATIO_MAX = 255
const UNCOMPRESSED_BIT = 0x8000_0000

/** The most that an LZ4 frame can become, by the sizes of its blocks. [LZ4 frame format 1.6] */
export function lz4SizeMax(bytes: Buffer): number {
  if (bytes.length < 7 || bytes.readUInt32LE(0) !== LZ4_MAGIC) return Infinity
  const flags = bytes[4] as number
  const blockBytesMax = 2 ** (8 + 2 * (((bytes[5] as number) >> 4) & 7))
  let at = 7
  if ((flags & Lz4Flag.contentSize) !== 0) at += 8
  if ((flags & Lz4Flag.dictionary) !== 0) at += 4
  const checksumBytes = (flags & Lz4Flag.blockChecksum) === 0 ? 0 : 4
  let size = 0
  while (at + 4 <= bytes.length) {
    const word = bytes.readUInt32LE(at)
    if (word === 0) return size
    const block = word % UNCOMPRESSED_BIT
    size += word >= UNCOMPRESSED_BIT ? block : Math.min(blockBytesMax, block * LZ4_RATIO_MAX)
    at += 4 + block + checksumBytes
  }
  return at === bytes.length ? size : Infinity
}
