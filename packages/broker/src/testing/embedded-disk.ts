/**
 * A process that uses a disk and forgets to close it, for the tests of when that keeps it running:
 *
 *   node embedded-disk.ts <directory>
 *
 * It ends by itself once it has nothing to wait for, and has then printed `written` and `synced`.
 */
import process from 'node:process'
import { openDisk } from '../storage/disk/open-disk.ts'
import { writeBatchHeader } from '../storage/journal/batch.ts'

const SLOT_BYTES = 65_536
const directory = process.argv[2]
if (directory === undefined) throw new Error('name a directory')
const disk = await openDisk(directory)
const memory = new SharedArrayBuffer(SLOT_BYTES + 8)
const lane = disk.openJournal({
  slotBytes: SLOT_BYTES,
  slots: 2,
  start: 0,
  memory,
  listener: {
    progressed: (_, synced) => console.log(synced === 104 ? 'synced' : 'not synced'),
    stalled: () => {},
    failed: (error) => console.log(error.message),
  },
})
const header = { position: 0, bytes: 104, previous: 0, syncedUpTo: 0, store: 1 }
writeBatchHeader(new DataView(memory), 0, header)
lane.advance(104, 104)
void disk.write('a', 0, [Buffer.from('bytes')]).then(() => console.log('written'))
