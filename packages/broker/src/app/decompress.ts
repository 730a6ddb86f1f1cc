import { gunzipSync, zstdDecompressSync } from 'node:zlib'
import { Compression } from '../core/stream/record-batch.ts'
import type { Decompress } from '../core/stream/time-lookup.ts'

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
