import { promisify } from 'node:util'
import { gunzip, gunzipSync, zstdDecompress, zstdDecompressSync } from 'node:zlib'
import type { DecompressLater } from '../core/stream/partition-reader.ts'
import { Compression } from '../core/stream/record-batch.ts'
import type { Decompress } from '../core/stream/time-lookup.ts'
import { lz4SizeMax, snappyBlocks, snappyBlockSize } from './unpacked-size.ts'

/**
 * What Node brings along. Snappy and LZ4 are not among it: a search by time in such a batch ends at
 * the batch, not at the record (protocols/kafka/README.md).
 */
export const decompress: Decompress = (codec, bytes, bytesMax) => {
  try {
    if (codec === Compression.gzip) return gunzipSync(bytes, { maxOutputLength: bytesMax })
    if (codec === Compression.zstd) return zstdDecompressSync(bytes, { maxOutputLength: bytesMax })
    return null
  } catch {
    // Broken, or more than is allowed: the caller goes by the batch's header instead.
    return null
  }
}

const gunzipLater = promisify(gunzip)
const zstdDecompressLater = promisify(zstdDecompress)
/** These two are opened on the main thread, a few milliseconds a megabyte. */
const WASM_BYTES_MAX = 16_777_216

/** All of Kafka's, for whoever reads whole streams; gzip and zstd beside the main thread. */
export const decompressLater: DecompressLater = async (codec, bytes, bytesMax) => {
  const options = { maxOutputLength: bytesMax }
  try {
    switch (codec) {
      case Compression.gzip:
        return await gunzipLater(bytes, options)
      case Compression.zstd:
        return await zstdDecompressLater(bytes, options)
      case Compression.snappy:
        return await openSnappy(bytes, Math.min(bytesMax, WASM_BYTES_MAX))
      case Compression.lz4:
        return await openLz4(bytes, Math.min(bytesMax, WASM_BYTES_MAX))
      default:
        return null
    }
  } catch {
    return null
  }
}

async function openSnappy(bytes: Buffer, bytesMax: number): Promise<Buffer | null> {
  const blocks = snappyBlocks(bytes)
  if (blocks === null) return null
  let size = 0
  for (const block of blocks) size += snappyBlockSize(block)
  if (size > bytesMax) return null
  const { snappyDecompress } = await import('@platformatic/wasm-utils')
  return Buffer.concat(blocks.map((block) => snappyDecompress(block)))
}

async function openLz4(bytes: Buffer, bytesMax: number): Promise<Buffer | null> {
  if (lz4SizeMax(bytes) > bytesMax) return null
  const { lz4Decompress } = await import('@platformatic/wasm-utils')
  return lz4Decompress(bytes)
}
