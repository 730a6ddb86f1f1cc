/** A first-in first-out list in one array that grows by doubling: shift() of an Array moves every element. */
export class Ring<T> {
  #items: (T | undefined)[]
  #mask: number
  #head: number = 0
  #size: number = 0

  constructor(capacity: number = 16) {
    const size = 2 ** Math.ceil(Math.log2(Math.max(2, capacity)))
    this.#items = new Array<T | undefined>(size).fill(undefined)
    this.#mask = size - 1
  }

  get size(): number {
    return this.#size
  }

  push(item: T): void {
    if (this.#size > this.#mask) this.#grow()
    this.#items[(this.#head + this.#size) & this.#mask] = item
    this.#size++
  }

  peek(): T | undefined {
    return this.#size === 0 ? undefined : this.#items[this.#head]
  }

  shift(): T | undefined {
    if (this.#size === 0) return undefined
    const item = this.#items[this.#head]
    this.#items[this.#head] = undefined
    this.#head = (this.#head + 1) & this.#mask
    this.#size--
    return item
  }

  /** The item `index` places behind the first. */
  at(index: number): T | undefined {
    return index < this.#size ? this.#items[(this.#head + index) & this.#mask] : undefined
  }

  clear(): void {
    this.#items.fill(undefined)
    this.#head = 0
    this.#size = 0
  }

  #grow(): void {
    const grown = new Array<T | undefined>(this.#items.length * 2).fill(undefined)
    for (let i = 0; i < this.#size; i++) grown[i] = this.#items[(this.#head + i) & this.#mask]
    this.#items = grown
    this.#mask = grown.length - 1
    this.#head = 0
  }
}
