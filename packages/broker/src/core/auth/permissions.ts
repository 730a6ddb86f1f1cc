import { firstOf } from '../first-of.ts'
import type { Declaration, PermissionDeclaration, PermissionGone } from '../topology/declaration.ts'
import { authLimits } from './limits.ts'
import { NamePattern } from './name-pattern.ts'

/** What a pattern can permit on a named thing. */
export type PermissionAction = 'configure' | 'write' | 'read'

/** The row of one user in one virtual host, as RabbitMQ has it: a pattern over names each. */
export interface Permission {
  readonly user: string
  readonly vhost: string
  readonly configure: string
  readonly write: string
  readonly read: string
}

/** A row with its patterns compiled. */
interface CompiledPermission {
  /** Never used again, so that no decision outlives the row it was made by. */
  readonly id: number
  readonly row: Permission
  readonly configure: NamePattern
  readonly write: NamePattern
  readonly read: NamePattern
}

/**
 * Who may do what, by name: RabbitMQ's model. No row, no access to the virtual host at all. It does
 * not know whether users and virtual hosts exist; whoever removes one tells it.
 */
export class Permissions {
  /**
   * Grows with every change. A caller on the hot path keeps a decision together with the version
   * it was made at, and asks again when the two differ.
   */
  version: number = 0
  /** By virtual host, then by user. */
  readonly #rows: Map<string, Map<string, CompiledPermission>> = new Map()
  /** Keyed by row, action and name in this order: only the name is free text, so keys differ. */
  readonly #decisions: Map<string, boolean> = new Map()
  #count: number = 0
  #nextId: number = 1
  readonly #declared: (declarations: readonly Declaration[]) => void

  /** `declared` is called with each change that is to outlive the process. */
  constructor(declared: (declarations: readonly Declaration[]) => void = (): void => {}) {
    this.#declared = declared
  }

  /** Sets the row of a user in a virtual host. Throws PatternError, and changes nothing then. */
  set(row: Permission): void {
    this.#put(row)
    this.#declared([describe(row)])
  }

  #put(row: Permission): void {
    const { user, vhost, configure, write, read } = row
    const compiled: CompiledPermission = {
      id: this.#nextId++,
      row: { user, vhost, configure, write, read },
      configure: new NamePattern(configure),
      write: new NamePattern(write),
      read: new NamePattern(read),
    }
    let users = this.#rows.get(vhost)
    if (users?.has(user) !== true) {
      if (this.#count >= authLimits.permissionsMax) throw new TooManyPermissionsError()
      this.#count++
    }
    if (users === undefined) this.#rows.set(vhost, (users = new Map()))
    users.set(user, compiled)
    this.version++
  }

  remove({ user, vhost }: { readonly user: string; readonly vhost: string }): boolean {
    if (!this.#drop(user, vhost)) return false
    this.#declared([{ kind: 'permission-gone', user, vhost }])
    return true
  }

  #drop(user: string, vhost: string): boolean {
    const users = this.#rows.get(vhost)
    if (users?.delete(user) !== true) return false
    if (users.size === 0) this.#rows.delete(vhost)
    this.#count--
    this.version++
    return true
  }

  /** The user is gone, which says by itself that its rows are. */
  removeUser(user: string): void {
    for (const vhost of [...this.#rows.keys()]) this.#drop(user, vhost)
  }

  /** The same of a virtual host. */
  removeVhost(vhost: string): void {
    for (const user of [...(this.#rows.get(vhost)?.keys() ?? [])]) this.#drop(user, vhost)
  }

  /** Takes back what was declared; it is not told again. */
  restore(declaration: PermissionDeclaration | PermissionGone): void {
    if (declaration.kind === 'permission') this.#put(declaration)
    else this.#drop(declaration.user, declaration.vhost)
  }

  /** All of them, as firstOf() lists what changes meanwhile. */
  *declarations(): Generator<PermissionDeclaration> {
    for (const [, users] of firstOf(this.#rows)) {
      for (const [, { row }] of firstOf(users)) yield describe(row)
    }
  }

  /** The row, or null: then the user may not enter the virtual host. */
  find(place: { readonly user: string; readonly vhost: string }): Permission | null {
    return this.#find(place)?.row ?? null
  }

  list(): Permission[] {
    const rows: Permission[] = []
    for (const users of this.#rows.values()) {
      for (const compiled of users.values()) rows.push(compiled.row)
    }
    return rows
  }

  /** Whether the user's pattern for this action matches the name. */
  allows(request: {
    readonly user: string
    readonly vhost: string
    readonly action: PermissionAction
    readonly name: string
  }): boolean {
    const compiled = this.#find(request)
    if (compiled === null) return false
    const pattern = compiled[request.action]
    if (pattern.source === '.*') return true
    const key = `${compiled.id} ${request.action} ${request.name}`
    const known = this.#decisions.get(key)
    return known ?? this.#remember({ key, decision: pattern.matches(request.name) })
  }

  #remember(made: { readonly key: string; readonly decision: boolean }): boolean {
    // Names of any length are asked about, and the bound counts entries: keep the short ones.
    if (made.key.length > authLimits.nameBytesMax * 2) return made.decision
    // Starting over is simpler than an order of use, and the callers keep decisions themselves.
    if (this.#decisions.size >= authLimits.decisionsCachedMax) this.#decisions.clear()
    this.#decisions.set(made.key, made.decision)
    return made.decision
  }

  #find(place: { readonly user: string; readonly vhost: string }): CompiledPermission | null {
    return this.#rows.get(place.vhost)?.get(place.user) ?? null
  }
}

function describe({ user, vhost, configure, write, read }: Permission): PermissionDeclaration {
  return { kind: 'permission', user, vhost, configure, write, read }
}

export class TooManyPermissionsError extends Error {
  override readonly name = 'TooManyPermissionsError'

  constructor() {
    super(`more than ${authLimits.permissionsMax} permissions`)
  }
}
