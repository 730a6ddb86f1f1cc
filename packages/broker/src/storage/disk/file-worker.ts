/** The file thread: a shell around FileOperations. */
import { parentPort, workerData } from 'node:worker_threads'
import { assert } from '../../base/assert.ts'
import { DiskError } from '../disk.ts'
import { toPlain } from './disk-errors.ts'
import type { FileAnswer, FileRequest, FileThreadData } from './file-message.ts'
import { FileOperations } from './file-operations.ts'
import { systemFiles } from './system-files.ts'

assert(parentPort !== null, 'this file is the entry of a thread')
const port = parentPort
const operations = new FileOperations({ ...(workerData as FileThreadData), files: systemFiles })

port.on('message', (request: FileRequest) => {
  const answer = carryOut(request)
  const { outcome } = answer
  port.postMessage(answer, outcome instanceof Uint8Array ? [outcome.buffer] : [])
  if (request.operation.kind === 'close') port.close()
})

function carryOut({ id, operation }: FileRequest): FileAnswer {
  try {
    return { id, outcome: operations.run(operation), error: null }
  } catch (error) {
    // A fault of ours ends the thread, and all who wait for it hear so.
    if (!(error instanceof DiskError)) throw error
    return { id, outcome: null, error: toPlain(error) }
  }
}
