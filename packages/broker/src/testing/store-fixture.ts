import { readdirSync, readFileSync } from 'node:fs'
import { relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { FaultyDisk } from './faulty-disk.ts'

/** Each file has this behind its name, so that nobody takes its bytes for text. */
export const FIXTURE_ENDING = '.bin'

const FOLDER = fileURLToPath(new URL('../storage/fixtures/', import.meta.url))

/** A data directory that an older build has written, by the name of its folder in `storage/fixtures`. */
export function fixtureDisk(name: string): FaultyDisk {
  const disk = new FaultyDisk()
  for (const [file, bytes] of fixtureFiles(name)) disk.place(file, bytes)
  return disk
}

/** What is in it, by name. */
export function fixtureFiles(name: string): Map<string, Buffer> {
  const folder = `${FOLDER}${name}`
  const files = new Map<string, Buffer>()
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile() || !entry.name.endsWith(FIXTURE_ENDING)) continue
    const path = `${entry.parentPath}/${entry.name}`
    const file = relative(folder, path).replaceAll('\\', '/').slice(0, -FIXTURE_ENDING.length)
    files.set(file, readFileSync(path))
  }
  return files
}
