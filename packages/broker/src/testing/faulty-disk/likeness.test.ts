import assert from 'node:assert/strict'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { test } from 'node:test'
import { FileOperations } from '../../storage/disk/file-operations.ts'
import type { FileOperation } from '../../storage/disk/file-operations.ts'
import { systemFiles } from '../../storage/disk/system-files.ts'
import { DiskError } from '../../storage/disk.ts'
import { FaultyDisk } from '../faulty-disk.ts'
import { SeededRandom } from '../seeded-random.ts'

/** What is a file is never a folder: storage does not take one for the other. */
const FILES = ['a', 'b', 'f/a', 'f/b', 'g/a', 'f/h/a'] as const
const FOLDERS = ['f', 'g', 'f/h', 'g/i'] as const
const KINDS = [
  ...(['write', 'write', 'write', 'read', 'read', 'read', 'truncate', 'sync', 'rename'] as const),
  ...(['remove', 'makeFolder', 'makeFolder', 'removeFolder', 'syncFolder', 'list'] as const),
]

test('while nothing is made to fail the faulty disk answers as the real one', async () => {
  for (let seed = 1; seed <= 12; seed++) {
    const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'polymq-likeness-'))
    const real = new FileOperations({ files: systemFiles, directory, openMax: 4 })
    try {
      const random = new SeededRandom(seed)
      const faulty = new FaultyDisk()
      for (let step = 0; step < 150; step++) {
        const operation = randomOperation(random)
        const expected = await outcomeOf(() => real.run(operation))
        const found = await outcomeOf(() => carryOut(faulty, operation))
        assert.deepEqual(
          found,
          expected,
          `seed ${seed}, step ${step}: ${JSON.stringify(operation)}`,
        )
      }
    } finally {
      real.run({ kind: 'close', file: '' })
      fs.rmSync(directory, { recursive: true })
    }
  }
})

function randomOperation(random: SeededRandom): FileOperation {
  const kind = random.pick(KINDS)
  const file: string = random.pick(FILES)
  const at = random.integer(0, 9000)
  switch (kind) {
    case 'write':
      return { kind, file, at, pieces: [random.bytes(random.integer(0, 5000)), random.bytes(9)] }
    case 'read': {
      const pieces = [
        { at, bytes: random.integer(0, 9000) },
        { at: 0, bytes: 100 },
      ]
      return { kind, file, pieces, target: null }
    }
    case 'truncate':
      return { kind, file, bytes: at }
    case 'rename': {
      const names = random.chance(0.8) ? FILES : FOLDERS
      return { kind, file: random.pick(names), to: random.pick(names) }
    }
    case 'makeFolder':
    case 'removeFolder':
      return { kind, file: random.pick(FOLDERS) }
    case 'list':
    case 'syncFolder':
      return { kind, file: random.pick(['', ...FOLDERS]) }
    default:
      return { kind, file }
  }
}

async function carryOut(disk: FaultyDisk, operation: FileOperation): Promise<unknown> {
  const { kind, file } = operation
  switch (kind) {
    case 'write':
      return await disk.write(file, operation.at, operation.pieces)
    case 'read': {
      const target = new Uint8Array(operation.pieces.reduce((sum, { bytes }) => sum + bytes, 0))
      return target.subarray(0, await disk.read(file, operation.pieces, target))
    }
    case 'truncate':
      return await disk.truncate(file, operation.bytes)
    case 'rename':
      return await disk.rename(file, operation.to)
    case 'freeBytes':
    case 'close':
      return
    default:
      return await disk[kind](file)
  }
}

/** An answer or an error as something that can be compared. */
async function outcomeOf(act: () => unknown): Promise<unknown> {
  try {
    const answer = await act()
    if (!Array.isArray(answer)) return answer ?? null
    // How large a folder is depends on the file system.
    return answer.map((entry) => (entry.isFolder === true ? { ...entry, bytes: 0 } : entry))
  } catch (error) {
    assert.ok(error instanceof DiskError, String(error))
    return { code: error.code, operation: error.operation, file: error.file }
  }
}
