import type { Disk } from '../storage/disk.ts'
import { SegmentFiles } from '../storage/segments/segment-files.ts'
import { RecordingLogger } from './recording-logger.ts'

/** For tests of the core, which knows files by their interface only. */
export function newSegmentFiles(disk: Disk): SegmentFiles {
  return new SegmentFiles({ disk, logger: new RecordingLogger() })
}
