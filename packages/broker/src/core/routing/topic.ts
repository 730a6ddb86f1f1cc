import type { Binding } from '../topology/exchange.ts'
import type { Matcher, Subject } from './matcher.ts'

/**
 * Patterns of words between dots: `*` is one word, `#` any number of words, none included.
 * [AMQP 3.1.3.3] A trie by word; `#` is followed with a list of places instead of recursion, so that a
 * pattern like `#.#.#` costs a visit per place and key word, not one per combination.
 */
export class TopicMatcher implements Matcher {
  readonly byKeyOnly = true
  readonly #root = new Node(false)

  add(binding: Binding): void {
    let node = this.#root
    for (const word of wordsOf(binding.routingKey)) {
      let child = node.children.get(word)
      if (child === undefined) {
        child = new Node(word === '#')
        node.children.set(word, child)
      }
      node = child
    }
    node.bindings.add(binding)
  }

  remove(binding: Binding): void {
    const words = wordsOf(binding.routingKey)
    const path: Node[] = [this.#root]
    for (const word of words) {
      const child = (path.at(-1) as Node).children.get(word)
      if (child === undefined) return
      path.push(child)
    }
    ;(path.at(-1) as Node).bindings.delete(binding)
    for (let depth = words.length; depth > 0; depth--) {
      const node = path[depth] as Node
      if (node.bindings.size > 0 || node.children.size > 0) return
      ;(path[depth - 1] as Node).children.delete(words[depth - 1] as string)
    }
  }

  /** Places in the trie; for tests of what is left behind. */
  get size(): number {
    return sizeOf(this.#root)
  }

  match(subject: Subject, found: Binding[]): void {
    let places = new Set<Node>()
    enter(this.#root, places)
    for (const word of wordsOf(subject.routingKey)) {
      const next = new Set<Node>()
      for (const node of places) {
        // `#` stays where it is and eats the word.
        if (node.isHash) next.add(node)
        const literal = node.children.get(word)
        // A key word that is itself `*` or `#` matches only as a wildcard's prey. [as RabbitMQ]
        if (literal !== undefined && word !== '*' && word !== '#') enter(literal, next)
        const any = node.children.get('*')
        if (any !== undefined) enter(any, next)
      }
      places = next
    }
    for (const node of places) for (const binding of node.bindings) found.push(binding)
  }
}

/** An empty key has no words, not one empty word: `*` does not match it. [as RabbitMQ] */
function wordsOf(key: string): string[] {
  return key === '' ? [] : key.split('.')
}

class Node {
  readonly children = new Map<string, Node>()
  readonly bindings = new Set<Binding>()
  readonly isHash: boolean

  constructor(isHash: boolean) {
    this.isHash = isHash
  }
}

function sizeOf(node: Node): number {
  let size = 1
  for (const child of node.children.values()) size += sizeOf(child)
  return size
}

/** Adds a node and, since `#` may stand for nothing, the `#` below it, and so on. */
function enter(node: Node, places: Set<Node>): void {
  for (let at: Node | undefined = node; at !== undefined && !places.has(at);) {
    places.add(at)
    at = at.children.get('#')
  }
}
