import { limits } from '../limits.ts'
import { ANY_WORDS, literalWord, ONE_WORD, WildcardTrie } from '../routing/wildcard-trie.ts'
import { Glob } from './glob.ts'
import { Dialect, type Subscription } from './subscription.ts'

/** Who hears a message: each of `all`, and of each group one. Immutable. */
export interface Match {
  readonly all: readonly Subscription[]
  readonly groups: readonly (readonly Subscription[])[]
}

/** Nobody. */
export const noMatch: Match = { all: [], groups: [] }

/**
 * The subscriptions at one exchange, found by key.
 *
 * Literal patterns are a map, wildcards a trie, globs a list; what was found for a key is remembered until a pattern that fits it comes or goes.
 * It knows no messages and no order among subscribers. Invariant: what is remembered is what a search would find.
 */
export class SubscriptionTable {
  /** Grows when a match may have changed. */
  version: number = 1
  size: number = 0
  readonly #literals = new Map<string, Subscription | Set<Subscription>>()
  readonly #wildcards = new WildcardTrie<Subscription>()
  readonly #globs = new Map<string, { readonly glob: Glob; readonly heard: Set<Subscription> }>()
  readonly #matches = new Map<string, Match>()

  add(subscription: Subscription): void {
    this.size++
    if (isLiteral(subscription)) this.#addLiteral(subscription)
    else if (subscription.dialect === Dialect.glob) this.#addGlob(subscription)
    else this.#wildcards.add(trieWordsOf(subscription.pattern), subscription)
    this.#changed(subscription)
  }

  /** It must be there. */
  remove(subscription: Subscription): void {
    this.size--
    if (isLiteral(subscription)) this.#removeLiteral(subscription)
    else if (subscription.dialect === Dialect.glob) this.#removeGlob(subscription)
    else this.#wildcards.remove(trieWordsOf(subscription.pattern), subscription)
    this.#changed(subscription)
  }

  /** Who hears what is published under the key. */
  match(key: string): Match {
    if (this.size === 0) return noMatch
    const known = this.#matches.get(key)
    if (known !== undefined) return known
    const match = this.#find(key)
    if (this.#matches.size >= limits.matchesCachedMax) this.#matches.clear()
    this.#matches.set(key, match)
    return match
  }

  #find(key: string): Match {
    const found: Subscription[] = []
    const literal = this.#literals.get(key)
    if (literal instanceof Set) found.push(...literal)
    else if (literal !== undefined) found.push(literal)
    if (isSubject(key)) this.#wildcards.match(key, found)
    for (const { glob, heard } of this.#globs.values()) if (glob.matches(key)) found.push(...heard)
    return found.length === 0 ? noMatch : grouped(found)
  }

  #changed(subscription: Subscription): void {
    this.version++
    if (isLiteral(subscription)) this.#matches.delete(subscription.pattern)
    else this.#matches.clear()
  }

  #addLiteral(subscription: Subscription): void {
    const { pattern } = subscription
    const others = this.#literals.get(pattern)
    // Most subjects have one subscriber: of a million of them no set is needed.
    if (others === undefined) this.#literals.set(pattern, subscription)
    else if (others instanceof Set) others.add(subscription)
    else this.#literals.set(pattern, new Set([others, subscription]))
  }

  #removeLiteral(subscription: Subscription): void {
    const { pattern } = subscription
    const others = this.#literals.get(pattern)
    if (others instanceof Set) others.delete(subscription)
    if (others === subscription || (others instanceof Set && others.size === 0)) {
      this.#literals.delete(pattern)
    }
  }

  #addGlob(subscription: Subscription): void {
    const { pattern } = subscription
    const known = this.#globs.get(pattern)
    if (known !== undefined) known.heard.add(subscription)
    else this.#globs.set(pattern, { glob: new Glob(pattern), heard: new Set([subscription]) })
  }

  #removeGlob(subscription: Subscription): void {
    const known = this.#globs.get(subscription.pattern)
    known?.heard.delete(subscription)
    if (known?.heard.size === 0) this.#globs.delete(subscription.pattern)
  }
}

function isLiteral({ dialect, pattern }: Subscription): boolean {
  if (dialect !== Dialect.nats) return dialect === Dialect.literal
  return !pattern.split('.').some(isWildcard)
}

/** A wildcard only as a whole word. [NATS] */
function isWildcard(word: string): boolean {
  return word === '*' || word === '>'
}

function trieWordsOf(pattern: string): string[] {
  return pattern.split('.').flatMap((word) => {
    if (word === '*') return [ONE_WORD]
    // One or more.
    return word === '>' ? [ONE_WORD, ANY_WORDS] : [literalWord(word)]
  })
}

/** What is none is not offered to whoever subscribes by words: it has no such name. [NATS] */
export function isSubject(key: string): boolean {
  return key !== '' && !NO_SUBJECT.test(key)
}

const NO_SUBJECT = /^\.|\.\.|\.$|[\s\0]/

/** Members of a group are those with the same name and the same pattern. [NATS] */
function grouped(found: readonly Subscription[]): Match {
  const all: Subscription[] = []
  const groups = new Map<string, Subscription[]>()
  for (const subscription of found) {
    const { group, pattern } = subscription
    if (group === null) {
      all.push(subscription)
      continue
    }
    const key = `${group} ${pattern}`
    const members = groups.get(key)
    if (members === undefined) groups.set(key, [subscription])
    else members.push(subscription)
  }
  return { all, groups: [...groups.values()] }
}
