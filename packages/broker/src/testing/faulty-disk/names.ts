import type { NameEffect } from './operation.ts'

/** The entries of a folder: name to node. Copies share them until one changes something. */
export class Names {
  #map: Map<string, number> = new Map()
  #isShared: boolean = false

  get size(): number {
    return this.#map.size
  }

  get(name: string): number | undefined {
    return this.#map.get(name)
  }

  entries(): Iterable<[string, number]> {
    return this.#map
  }

  set(name: string, node: number): void {
    this.#ownMap().set(name, node)
  }

  delete(name: string): void {
    if (this.#map.has(name)) this.#ownMap().delete(name)
  }

  clone(): Names {
    const copy = new Names()
    copy.#map = this.#map
    copy.#isShared = true
    this.#isShared = true
    return copy
  }

  #ownMap(): Map<string, number> {
    if (this.#isShared) {
      this.#map = new Map(this.#map)
      this.#isShared = false
    }
    return this.#map
  }
}

/** A change of names that no sync of a folder has made safe. */
export interface PendingName {
  readonly sequence: number
  readonly effect: NameEffect
}

export function applyName(effect: NameEffect, namesOf: (folder: number) => Names | null): void {
  const names = namesOf(effect.folder)
  if (effect.kind === 'link') {
    names?.set(effect.name, effect.node)
  } else {
    names?.delete(effect.name)
    if (effect.kind === 'rename') namesOf(effect.toFolder)?.set(effect.toName, effect.node)
  }
}

export function touchesFolder(effect: NameEffect, folder: number): boolean {
  return effect.folder === folder || (effect.kind === 'rename' && effect.toFolder === folder)
}

/**
 * Those that are wanted and, of each name that they touch, all that came before, in order: the block of a folder that reaches the disk
 * has the changes of a name up to some moment, never a later one without an earlier one. A rename is one change for both of its
 * names, as on every file system that keeps a journal of its own.
 */
export function closeNames(
  pending: readonly PendingName[],
  isWanted: (pending: PendingName) => boolean,
): PendingName[] {
  const closed: PendingName[] = []
  const touched = new Set<string>()
  for (let i = pending.length - 1; i >= 0; i--) {
    const each = pending[i] as PendingName
    const keys = keysOf(each.effect)
    if (!isWanted(each) && !keys.some((key) => touched.has(key))) continue
    for (const key of keys) touched.add(key)
    closed.push(each)
  }
  return closed.reverse()
}

function keysOf(effect: NameEffect): string[] {
  const keys = [`${effect.folder}/${effect.name}`]
  if (effect.kind === 'rename') keys.push(`${effect.toFolder}/${effect.toName}`)
  return keys
}
