/** A word of a pattern that stands for one word, and one that stands for any number of them, none included. */
export const ONE_WORD = '*'
export const ANY_WORDS = '#'

/**
 * Patterns of words between dots, in every dialect of wildcards: each is written with `*` for one word and `#` for any number of words, none
 * included [AMQP 3.1.3.3]. A trie by word; `#` is followed with a list of places instead of recursion, so that a pattern like `#.#.#` costs a
 * visit per place and key word, not one per combination.
 */
export class WildcardTrie<T> {
  readonly #root = new Node<T>(false)

  /** Adding what is there changes nothing. */
  add(words: readonly string[], value: T): void {
    let node = this.#root
    for (const word of words) {
      let child = node.children.get(word)
      if (child === undefined) {
        child = new Node(word === ANY_WORDS)
        node.children.set(word, child)
      }
      node = child
    }
    node.values.add(value)
  }

  remove(words: readonly string[], value: T): void {
    const path: Node<T>[] = [this.#root]
    for (const word of words) {
      const child = (path.at(-1) as Node<T>).children.get(word)
      if (child === undefined) return
      path.push(child)
    }
    ;(path.at(-1) as Node<T>).values.delete(value)
    for (let depth = words.length; depth > 0; depth--) {
      const node = path[depth] as Node<T>
      if (node.values.size > 0 || node.children.size > 0) return
      ;(path[depth - 1] as Node<T>).children.delete(words[depth - 1] as string)
    }
  }

  /** Places in the trie; for tests of what is left behind. */
  get size(): number {
    return sizeOf(this.#root)
  }

  /** Adds all whose pattern fits the key; each once. */
  match(key: string, found: T[]): void {
    let places = new Set<Node<T>>()
    enter(this.#root, places)
    for (const word of wordsOf(key)) {
      const next = new Set<Node<T>>()
      for (const node of places) {
        // `#` stays where it is and eats the word.
        if (node.isAny) next.add(node)
        const literal = node.children.get(literalWord(word))
        if (literal !== undefined) enter(literal, next)
        const one = node.children.get(ONE_WORD)
        if (one !== undefined) enter(one, next)
      }
      places = next
    }
    for (const node of places) for (const value of node.values) found.push(value)
  }
}

/** An empty key has no words, not one empty word: `*` does not match it. [as RabbitMQ] */
export function wordsOf(key: string): string[] {
  return key === '' ? [] : key.split('.')
}

/** A word that means itself and nothing else. A key's word that is itself `*` or `#` is a wildcard's prey only. [as RabbitMQ] */
export function literalWord(word: string): string {
  return word === ONE_WORD || word === ANY_WORDS ? `\0${word}` : word
}

class Node<T> {
  readonly children = new Map<string, Node<T>>()
  readonly values = new Set<T>()
  readonly isAny: boolean

  constructor(isAny: boolean) {
    this.isAny = isAny
  }
}

function sizeOf<T>(node: Node<T>): number {
  let size = 1
  for (const child of node.children.values()) size += sizeOf(child)
  return size
}

/** Adds a node and, since `#` may stand for nothing, the `#` below it, and so on. */
function enter<T>(node: Node<T>, places: Set<Node<T>>): void {
  for (let at: Node<T> | undefined = node; at !== undefined && !places.has(at);) {
    places.add(at)
    at = at.children.get(ANY_WORDS)
  }
}
