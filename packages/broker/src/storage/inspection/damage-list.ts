import type { Damage, Loss, RepairReport } from '../repair-report.ts'
import { inspectionLimits } from './limits.ts'

export type DamagePlace = Pick<Damage, 'part' | 'file' | 'position' | 'reason'>

/** Whose something is: a queue or a partition. */
export type Holder = Pick<Loss, 'kind' | 'vhost' | 'name' | 'partition'>

/** How much was lost; null: not to be told. */
export interface Amount {
  readonly messages: number | null
  readonly bytes: number | null
}

/** One place, and what was lost there, by the object ids of queues and partitions. */
export class FoundDamage {
  readonly #place: DamagePlace
  /** Why it matters also when nobody is known who has lost anything there; '' if it does not. */
  #why: string
  readonly #losses = new Map<number, Amount>()

  constructor(place: DamagePlace, options: { readonly mattersAlone: boolean }) {
    this.#place = place
    this.#why = options.mattersAlone ? place.reason : ''
  }

  /** It matters whoever has lost anything there. */
  matters(why: string): void {
    if (this.#why === '') this.#why = `${this.#place.reason}; ${why}`
  }

  get objects(): IterableIterator<number> {
    return this.#losses.keys()
  }

  /** To lose nothing is to be stopped by it. */
  lose(object: number, { messages, bytes }: Amount): void {
    const before = this.#losses.get(object) ?? { messages: 0, bytes: 0 }
    this.#losses.set(object, {
      messages: sum(before.messages, messages),
      bytes: sum(before.bytes, bytes),
    })
  }

  /** Null if everybody who had anything there is gone. `holderOf`: null for one that is gone. */
  report(holderOf: (object: number) => Holder | null): Damage | null {
    const losses: Loss[] = []
    let left = 0
    for (const [object, amount] of this.#losses) {
      const holder = holderOf(object)
      if (holder === null) continue
      left++
      if (losses.length < inspectionLimits.lossesMax) losses.push({ ...holder, ...amount })
    }
    if (left === 0 && this.#why === '') return null
    const reason = this.#why === '' ? this.#place.reason : this.#why
    return { ...this.#place, reason, losses, lossesLeftOut: left - losses.length }
  }
}

/** All that is found to be damaged, each place once. Bounded: places beyond `damagesMax` are only counted. */
export class DamageList {
  readonly #found = new Map<string, FoundDamage>()
  #leftOut: number = 0
  /** Places that are not in the list are not told apart, but for the last one. */
  #lastLeftOut: string = ''

  /** The damage at a place, new or known already; null if there is no room for it in the list. */
  add(place: DamagePlace, options: { readonly mattersAlone?: boolean } = {}): FoundDamage | null {
    const key = `${place.file} ${place.position}`
    const known = this.#found.get(key)
    if (known !== undefined) return known
    if (this.#found.size >= inspectionLimits.damagesMax) {
      if (key !== this.#lastLeftOut) this.#leftOut++
      this.#lastLeftOut = key
      return null
    }
    const damage = new FoundDamage(place, { mattersAlone: options.mattersAlone ?? false })
    this.#found.set(key, damage)
    return damage
  }

  /** Object ids of all who are named. */
  *objects(): Iterable<number> {
    for (const damage of this.#found.values()) yield* damage.objects
  }

  report(directory: string, holderOf: (object: number) => Holder | null): RepairReport {
    const damages: Damage[] = []
    for (const found of this.#found.values()) {
      const damage = found.report(holderOf)
      if (damage !== null) damages.push(damage)
    }
    damages.sort(byPlace)
    return { directory, damages, damagesLeftOut: this.#leftOut }
  }
}

function sum(one: number | null, other: number | null): number | null {
  return one === null || other === null ? null : one + other
}

function byPlace(one: Damage, other: Damage): number {
  if (one.file !== other.file) return one.file < other.file ? -1 : 1
  return one.position - other.position
}
