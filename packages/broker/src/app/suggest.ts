/** The known word nearest to what was typed, if it is near enough to be what was meant. */
export function suggest(typed: string, known: readonly string[]): string | undefined {
  let best: string | undefined
  let bestDistance = Math.max(1, Math.floor(typed.length / 3)) + 1
  for (const word of known) {
    const distance = typed !== '' && word.startsWith(typed) ? 1 : editDistance(typed, word)
    if (distance < bestDistance) {
      best = word
      bestDistance = distance
    }
  }
  return best
}

/** Levenshtein's, one row at a time; two letters in the wrong order count as one mistake. */
function editDistance(from: string, to: string): number {
  let beforePrevious: number[] = []
  let previous = Array.from({ length: to.length + 1 }, (_, index) => index)
  for (let row = 1; row <= from.length; row++) {
    const current = [row]
    for (let column = 1; column <= to.length; column++) {
      const replaced = previous[column - 1]! + (from[row - 1] === to[column - 1] ? 0 : 1)
      const isSwapped = from[row - 1] === to[column - 2] && from[row - 2] === to[column - 1]
      const swapped = isSwapped ? beforePrevious[column - 2]! + 1 : Infinity
      current.push(Math.min(replaced, swapped, current[column - 1]! + 1, previous[column]! + 1))
    }
    beforePrevious = previous
    previous = current
  }
  return previous[to.length]!
}
