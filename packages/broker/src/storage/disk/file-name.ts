import { assert } from '../../base/assert.ts'

/** Letters, digits and a few signs; not a dot in front, so that neither `..` nor a hidden file is one. */
const PART = /^[A-Za-z0-9_-][A-Za-z0-9._-]*$/

/**
 * Where a file of the data directory lies. A name that leads out of the directory, or that a client could have chosen, is a fault
 * of ours, and stops here.
 */
export function pathOf(directory: string, name: string): string {
  assert(name.split('/').every(isPart), `'${name}' is not a name of a file in the data directory`)
  return `${directory}/${name}`
}

/** As `pathOf`; '' is the data directory itself. */
export function folderPathOf(directory: string, name: string): string {
  return name === '' ? directory : pathOf(directory, name)
}

function isPart(part: string): boolean {
  return PART.test(part)
}
