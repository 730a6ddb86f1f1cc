import { configError } from '../exit.ts'
import type { ExitError } from '../exit.ts'
import { appLimits } from '../limits.ts'
import { PATH_CHARACTERS_MAX, printable } from '../printable.ts'
import { suggest } from '../suggest.ts'

/** What is wrong with a configuration: all of it is told at once, each with its place. */
export class Problems {
  readonly #found: { readonly place: string; readonly message: string }[] = []

  get isEmpty(): boolean {
    return this.#found.length === 0
  }

  add(place: string, message: string): void {
    this.#found.push({ place, message })
  }

  /** One line each, from the top of the file down, and how many more there are. */
  get text(): string {
    const sorted = this.#found.toSorted((one, other) => lineOf(one.place) - lineOf(other.place))
    const told = sorted
      .slice(0, appLimits.problemsToldMax)
      .map(({ place, message }) => `${place}: ${message}`)
    const left = sorted.length - told.length
    if (left > 0) told.push(`… and ${left} more`)
    return told.join('\n')
  }

  asExitError(): ExitError {
    return configError(this.text)
  }
}

/** Of `polymq.yaml:3:9` 3; of a place in a program nothing. */
function lineOf(place: string): number {
  return Number(/:(\d+):\d+$/.exec(place)?.[1] ?? 0)
}

/** A key that nothing is known of, and what it may have been meant for. */
export function unknownKey(key: string, known: readonly string[]): string {
  const word = suggest(key, known)
  const shown = printable(key, PATH_CHARACTERS_MAX)
  const remedy = word === undefined ? `Known here: ${known.join(', ')}` : `Did you mean ${word}`
  return `there is no key ${shown}. ${remedy}${word === undefined ? '.' : '?'}`
}
