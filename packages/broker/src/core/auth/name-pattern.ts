import { authLimits } from './limits.ts'
import { parsePattern, type Instruction } from './name-pattern-parser.ts'

/**
 * A pattern over names, as RabbitMQ's permissions have them: unanchored unless it says ^ or $, and
 * the empty pattern means ^$. Not a RegExp: that backtracks without a limit, and the name is the
 * client's choice, so that `(a+)+$` and a queue name of 250 letters would stop the broker. This
 * tries every (instruction, place in the name) at most once.
 * Invariant: a match takes at most patternInstructionsMax x name length steps (about 1 ms); with
 * lookaheads, which start afresh at each place, that many for each place (about 0.1 s at worst).
 */
export class NamePattern {
  readonly source: string
  readonly #program: readonly Instruction[]

  /** Throws PatternError for what is not in the dialect (name-pattern-parser.ts). */
  constructor(source: string) {
    this.source = source
    this.#program = parsePattern(source === '' ? '^$' : source)
  }

  matches(name: string): boolean {
    // The common pattern needs no work.
    if (this.source === '.*') return true
    // Kafka's group names may be of any length; beyond the bound only "everything" allows them.
    if (name.length > authLimits.nameBytesMax) return false
    const characters = [...name]
    const search = new Search(this.#program, characters)
    for (let place = 0; place <= characters.length; place++) {
      if (search.from({ instruction: 0, place })) return true
    }
    return false
  }
}

/**
 * A depth-first search through (instruction, place) that enters each pair once: no captures are
 * wanted, so a pair that failed before fails again.
 */
class Search {
  readonly #program: readonly Instruction[]
  readonly #name: readonly string[]
  readonly #entered: Uint8Array
  readonly #stack: number[] = []

  constructor(program: readonly Instruction[], name: readonly string[]) {
    this.#program = program
    this.#name = name
    this.#entered = new Uint8Array(program.length * (name.length + 1))
  }

  from(start: { readonly instruction: number; readonly place: number }): boolean {
    const width = this.#name.length + 1
    this.#push(start.instruction, start.place)
    let top: number | undefined
    while ((top = this.#stack.pop()) !== undefined) {
      const at = Math.floor(top / width)
      if (this.#step(at, top % width)) return true
    }
    return false
  }

  /** Follows one instruction; true when it is the end of the pattern. */
  #step(at: number, place: number): boolean {
    const instruction = this.#program[at] as Instruction
    switch (instruction.kind) {
      case 'match':
        return true
      case 'character':
        if (place < this.#name.length && instruction.test(this.#name[place] as string)) {
          this.#push(at + 1, place + 1)
        }
        return false
      case 'split':
        this.#push(at + instruction.second, place)
        this.#push(at + 1, place)
        return false
      case 'jump':
        this.#push(at + instruction.by, place)
        return false
      case 'start':
        if (place === 0) this.#push(at + 1, place)
        return false
      case 'end':
        if (place === this.#name.length) this.#push(at + 1, place)
        return false
      case 'look': {
        const inner = new Search(this.#program, this.#name)
        const found = inner.from({ instruction: at + 1, place })
        if (found !== instruction.negative) this.#push(at + instruction.skip, place)
        return false
      }
    }
  }

  #push(at: number, place: number): void {
    const pair = at * (this.#name.length + 1) + place
    if (this.#entered[pair] === 1) return
    this.#entered[pair] = 1
    this.#stack.push(pair)
  }
}
