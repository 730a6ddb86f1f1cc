import { FileNode } from './file-node.ts'
import { applyName, closeNames, Names, touchesFolder } from './names.ts'
import type { PendingName } from './names.ts'
import type { Effect, LinkEffect, NameEffect } from './operation.ts'

export const ROOT = 0

export class FolderNode {
  durable: Names = new Names()
  live: Names = new Names()

  clone(): FolderNode {
    const copy = new FolderNode()
    copy.durable = this.durable.clone()
    copy.live = this.live.clone()
    return copy
  }
}

export type DiskNode = FileNode | FolderNode

/** Where a path leads. */
export interface Place {
  /** The folder that the last part of the path is in. */
  readonly folder: number
  readonly name: string
  /** What has the name, or null. */
  readonly id: number | null
}

/**
 * A disk at one moment: what is safe, and what is only in the memory of the system. It does not know how operations fail or when the
 * power goes; it carries out effects, the same ones always with the same result.
 */
export class DiskState {
  nodes: Map<number, DiskNode> = new Map([[ROOT, new FolderNode()]])
  pendingNames: PendingName[] = []
  /** Counts effects. */
  sequence: number = 0
  nextNode: number = ROOT + 1

  /** Cheap: bytes and names are shared until one of the two changes them. */
  clone(): DiskState {
    const copy = new DiskState()
    for (const [id, node] of this.nodes) copy.nodes.set(id, node.clone())
    copy.pendingNames = this.pendingNames.slice()
    copy.sequence = this.sequence
    copy.nextNode = this.nextNode
    return copy
  }

  apply(effect: Effect): void {
    const sequence = this.sequence++
    switch (effect.kind) {
      case 'write':
        return this.file(effect.node).write(effect.at, effect.bytes, sequence)
      case 'resize':
        return this.file(effect.node).resize(effect.size, sequence)
      case 'sync':
        return this.file(effect.node).sync()
      case 'syncFailed':
        return this.file(effect.node).failSync(effect.pages)
      case 'damage':
        return this.file(effect.node).damage(effect.at, effect.bytes)
      case 'syncFolder':
        return this.#syncFolder(effect.node)
      case 'link':
        this.#addNode(effect)
        return this.#changeName(effect, sequence)
      case 'unlink':
      case 'rename':
        return this.#changeName(effect, sequence)
    }
  }

  file(id: number): FileNode {
    const node = this.nodes.get(id)
    if (node instanceof FileNode) return node
    throw new Error(`node ${id} is no file`)
  }

  folder(id: number): FolderNode {
    const node = this.nodes.get(id)
    if (node instanceof FolderNode) return node
    throw new Error(`node ${id} is no folder`)
  }

  /** Null if a folder on the way is missing. */
  locate(path: string): Place | null {
    const parts = path.split('/')
    const name = parts.pop() as string
    let folder = ROOT
    for (const part of parts) {
      const next = this.folder(folder).live.get(part)
      if (next === undefined || !(this.nodes.get(next) instanceof FolderNode)) return null
      folder = next
    }
    return { folder, name, id: this.folder(folder).live.get(name) ?? null }
  }

  /** Null if there is no such file or folder; `''` is the root. */
  find(path: string): number | null {
    return path === '' ? ROOT : (this.locate(path)?.id ?? null)
  }

  /** Every file that has a name, with its path, by name. */
  files(): [string, FileNode][] {
    const found: [string, FileNode][] = []
    const walk = (folder: FolderNode, prefix: string): void => {
      for (const [name, id] of folder.live.entries()) {
        const node = this.nodes.get(id)
        if (node instanceof FileNode) found.push([prefix + name, node])
        else if (node !== undefined) walk(node, `${prefix}${name}/`)
      }
    }
    walk(this.folder(ROOT), '')
    return found.sort(([a], [b]) => (a < b ? -1 : 1))
  }

  #addNode({ node, isFolder }: LinkEffect): void {
    this.nodes.set(node, isFolder ? new FolderNode() : new FileNode())
    this.nextNode = Math.max(this.nextNode, node + 1)
  }

  #changeName(effect: NameEffect, sequence: number): void {
    applyName(effect, (folder) => this.folder(folder).live)
    this.pendingNames.push({ sequence, effect })
  }

  #syncFolder(id: number): void {
    const safe = closeNames(this.pendingNames, ({ effect }) => touchesFolder(effect, id))
    if (safe.length === 0) return
    const sequences = new Set(safe.map(({ sequence }) => sequence))
    this.pendingNames = this.pendingNames.filter(({ sequence }) => !sequences.has(sequence))
    for (const { effect } of safe) {
      applyName(effect, (folder) => this.#durableNames(folder))
      // What has lost its one name, in memory and on the disk, nobody can come to any more.
      if (effect.kind === 'unlink') this.nodes.delete(effect.node)
      if (effect.kind === 'rename' && effect.replaced !== null) this.nodes.delete(effect.replaced)
    }
  }

  /** A folder may be gone for good while changes in it were never synced. */
  #durableNames(folder: number): Names | null {
    const node = this.nodes.get(folder)
    return node instanceof FolderNode ? node.durable : null
  }
}
