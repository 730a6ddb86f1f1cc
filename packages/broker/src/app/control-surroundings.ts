/** What the control API is told of the process, and what only this room can do for it. */
import type { ListenPlace, StreamCreator, Surroundings } from '../admin/control.ts'
import { BrokerError, ErrorCode } from '../core/errors.ts'
import type { ResolvedData } from './data-options.ts'
import { DeclarationError, type DeclaredStream } from './declarations/declarations.ts'
import { decompress } from './decompress.ts'
import { readVersion } from './version.ts'

export function controlSurroundings({
  data,
  startedMs,
  listeners,
}: {
  readonly data: ResolvedData | undefined
  readonly startedMs: number
  readonly listeners: () => readonly ListenPlace[]
}): Surroundings {
  return {
    version: readVersion(),
    nodeVersion: process.version,
    startedMs,
    data: data === undefined ? null : { directory: data.directory, durability: data.durability },
    listeners,
    processBytes: () => process.memoryUsage.rss(),
    decompress,
    loadStreamCreator,
  }
}

/** Kafka's words for a configuration come with Kafka's head, which may be off. */
async function loadStreamCreator(): Promise<StreamCreator> {
  const { applyStream } = await import('./declarations/apply-streams.ts')
  return (vhost, stream) => {
    try {
      applyStream(vhost, stream as DeclaredStream)
    } catch (error) {
      if (!(error instanceof DeclarationError)) throw error
      throw new BrokerError(ErrorCode.preconditionFailed, error.message)
    }
  }
}
