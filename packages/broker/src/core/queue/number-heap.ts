/** The smallest of many numbers, again and again. */
export class NumberHeap {
  readonly #numbers: number[] = []

  get size(): number {
    return this.#numbers.length
  }

  /** The smallest; undefined when empty. */
  peek(): number | undefined {
    return this.#numbers[0]
  }

  push(value: number): void {
    const numbers = this.#numbers
    let at = numbers.push(value) - 1
    while (at > 0) {
      const parent = (at - 1) >> 1
      const above = numbers[parent] as number
      if (above <= value) break
      numbers[at] = above
      at = parent
    }
    numbers[at] = value
  }

  /** Removes and returns the smallest; NaN when empty. */
  pop(): number {
    const numbers = this.#numbers
    const smallest = numbers[0] ?? NaN
    const last = numbers.pop()
    if (last !== undefined && numbers.length > 0) this.#sink(last)
    return smallest
  }

  /** Empties the heap and returns what it held, in no order. */
  drain(): number[] {
    return this.#numbers.splice(0)
  }

  #sink(value: number): void {
    const numbers = this.#numbers
    const size = numbers.length
    let at = 0
    for (;;) {
      let child = 2 * at + 1
      if (child >= size) break
      if (child + 1 < size && (numbers[child + 1] as number) < (numbers[child] as number)) child++
      if ((numbers[child] as number) >= value) break
      numbers[at] = numbers[child] as number
      at = child
    }
    numbers[at] = value
  }
}
