import type { Writer } from '../../../base/writer.ts'
import { FRAME_END, FrameType } from './constants.ts'

/**
 * Frames around what is written off the hot path:
 *
 *   type (1) · channel (2) · payload bytes (4) · payload · FRAME_END (1)
 */

/** Starts a frame and returns where it starts, for endFrame(). */
export function startFrame(writer: Writer, type: FrameType, channel: number): number {
  const start = writer.position
  writer.uint8(type)
  writer.uint16(channel)
  writer.uint32(0)
  return start
}

/** Fills in the length of the frame that starts at `start`, and ends it. */
export function endFrame(writer: Writer, start: number): void {
  writer.buffer.writeUInt32BE(writer.position - start - 7, start + 3)
  writer.uint8(FRAME_END)
}

export function writeHeartbeat(writer: Writer): void {
  endFrame(writer, startFrame(writer, FrameType.heartbeat, 0))
}
