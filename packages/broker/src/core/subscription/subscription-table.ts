import { BrokerError, ErrorCode } from '../errors.ts'
import { limits } from '../limits.ts'
import { ANY_WORDS, literalWord, ONE_WORD, WildcardTrie } from '../routing/wildcard-trie.ts'
import { Glob, octetsOf } from './glob.ts'
import { Dialect, type Subscription } from './subscription.ts'

/** Who hears a message: each of `all`, and of each group one. Immutable. */
export class Match {
  readonly all: readonly Subscription[]
  readonly groups: readonly (readonly Subscription[])[]
  /** All of those. */
  readonly listeners: number
  /** Whether some who subscribe by words were not asked: the key is no subject, and has no name in their protocol. */
  readonly isWithheld: boolean
  /** Itself, or nothing if there is nothing to be done with it. */
  readonly alone: readonly Match[]

  constructor(found: readonly Subscription[], isWithheld: boolean) {
    const { all, groups } = grouped(found)
    this.all = all
    this.groups = groups
    this.listeners = found.length
    this.isWithheld = isWithheld
    this.alone = found.length > 0 || isWithheld ? [this] : []
  }
}

/**
 * The subscriptions at one exchange, found by key.
 *
 * Literal patterns are a map, wildcards a trie, globs a list; what was found for a key is remembered until a pattern that fits it comes or goes.
 * It knows no messages and no order among subscribers. Invariant: what is remembered is what a search would find.
 */
export class SubscriptionTable {
  size: number = 0
  readonly #literals = new Map<string, Subscription | Set<Subscription>>()
  readonly #wildcards = new WildcardTrie<Subscription>()
  readonly #globs = new Map<string, { readonly glob: Glob; readonly heard: Set<Subscription> }>()
  readonly #matches = new Map<string, Match>()
  #matchedListeners: number = 0
  /** Of all globs. */
  #soughtOctets: number = 0
  /** Patterns with wildcards between words. */
  #wildcardCount: number = 0

  /** Throws resource-error if patterns would be too much to look through for each message. */
  add(subscription: Subscription): void {
    if (isLiteral(subscription)) this.#addLiteral(subscription)
    else if (subscription.dialect === Dialect.glob) this.#addGlob(subscription)
    else this.#addWildcard(subscription)
    this.size++
    this.#changed(subscription)
  }

  /** It must be there. */
  remove(subscription: Subscription): void {
    this.size--
    if (isLiteral(subscription)) this.#removeLiteral(subscription)
    else if (subscription.dialect === Dialect.glob) this.#removeGlob(subscription)
    else this.#removeWildcard(subscription)
    this.#changed(subscription)
  }

  /** Who hears what is published under the key. */
  match(key: string): Match {
    if (this.size === 0) return nobody
    const known = this.#matches.get(key)
    if (known !== undefined) return known
    const match = this.#find(key)
    this.#matchedListeners += match.listeners
    const isFull = this.#matches.size >= limits.matchesCachedMax
    if (isFull || this.#matchedListeners > limits.matchListenersCachedMax) {
      this.#forgetMatches()
      this.#matchedListeners = match.listeners
    }
    this.#matches.set(key, match)
    return match
  }

  #find(key: string): Match {
    const found: Subscription[] = []
    const literal = this.#literals.get(key)
    // One by one: a call has no room for a hundred thousand arguments.
    if (literal instanceof Set) for (const subscription of literal) found.push(subscription)
    else if (literal !== undefined) found.push(literal)
    const isWithheld = this.#wildcardCount > 0 && !isSubject(key)
    if (this.#wildcardCount > 0 && !isWithheld) this.#wildcards.match(key, found)
    this.#findGlobs(key, found)
    if (found.length === 0) return isWithheld ? nobodyAsked : nobody
    return new Match(found, isWithheld)
  }

  #findGlobs(key: string, found: Subscription[]): void {
    if (this.#globs.size === 0) return
    const octets = octetsOf(key)
    for (const { glob, heard } of this.#globs.values()) {
      if (!glob.matchesOctets(octets)) continue
      for (const subscription of heard) found.push(subscription)
    }
  }

  #changed(subscription: Subscription): void {
    if (!isLiteral(subscription)) return this.#forgetMatches()
    const { pattern } = subscription
    this.#matchedListeners -= this.#matches.get(pattern)?.listeners ?? 0
    this.#matches.delete(pattern)
  }

  #forgetMatches(): void {
    this.#matches.clear()
    this.#matchedListeners = 0
  }

  #addWildcard(subscription: Subscription): void {
    this.#wildcards.add(trieWordsOf(subscription.pattern), subscription)
    this.#wildcardCount++
  }

  #removeWildcard(subscription: Subscription): void {
    this.#wildcards.remove(trieWordsOf(subscription.pattern), subscription)
    this.#wildcardCount--
  }

  /** Those who listen to this key letter by letter. */
  literal(key: string): Iterable<Subscription> {
    const found = this.#literals.get(key)
    if (found === undefined) return []
    return found instanceof Set ? found : [found]
  }

  /** Keys of those. */
  literalKeys(): IterableIterator<string> {
    return this.#literals.keys()
  }

  get literalCount(): number {
    return this.#literals.size
  }

  get globCount(): number {
    return this.#globs.size
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
    if (known !== undefined) {
      known.heard.add(subscription)
      return
    }
    const glob = new Glob(pattern)
    const soughtOctets = this.#soughtOctets + glob.soughtOctets
    if (soughtOctets > limits.globSoughtOctetsMax) {
      const text = `what stands between stars in all patterns is more than ${limits.globSoughtOctetsMax} bytes: each message would take too long`
      throw new BrokerError(ErrorCode.resourceError, text)
    }
    this.#soughtOctets = soughtOctets
    this.#globs.set(pattern, { glob, heard: new Set([subscription]) })
  }

  #removeGlob(subscription: Subscription): void {
    const known = this.#globs.get(subscription.pattern)
    known?.heard.delete(subscription)
    if (known === undefined || known.heard.size > 0) return
    this.#globs.delete(subscription.pattern)
    this.#soughtOctets -= known.glob.soughtOctets
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
function grouped(found: readonly Subscription[]): Pick<Match, 'all' | 'groups'> {
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

const nobody = new Match([], false)
const nobodyAsked = new Match([], true)
