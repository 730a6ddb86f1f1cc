import type { Binding } from '../topology/exchange.ts'
import type { Matcher, Subject } from './matcher.ts'
import { WildcardTrie, wordsOf } from './wildcard-trie.ts'

/** Patterns of words between dots: `*` is one word, `#` any number of words, none included. [AMQP 3.1.3.3] */
export class TopicMatcher implements Matcher {
  readonly byKeyOnly = true
  readonly #trie = new WildcardTrie<Binding>()

  add(binding: Binding): void {
    this.#trie.add(wordsOf(binding.routingKey), binding)
  }

  remove(binding: Binding): void {
    this.#trie.remove(wordsOf(binding.routingKey), binding)
  }

  /** Places in the trie; for tests of what is left behind. */
  get size(): number {
    return this.#trie.size
  }

  match({ routingKey }: Subject, found: Binding[]): void {
    this.#trie.match(routingKey, found)
  }
}
