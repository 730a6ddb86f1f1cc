// @ts-check
// Tables and numbers as they stand in the results.

/**
 * @param {string[]} head
 * @param {string[][]} rows
 */
export function table(head, rows) {
  const line = (/** @type {string[]} */ cells) => `| ${cells.join(' | ')} |`
  return [line(head), line(head.map(() => '---')), ...rows.map(line)]
}

/** @param {number} value */
export function thousands(value) {
  if (value >= 1e6) return `${(value / 1e6).toFixed(2)} M`
  return value >= 1000 ? `${(value / 1000).toFixed(1)} k` : value.toFixed(0)
}

/** @param {number} bytes */
export function mebibytes(bytes) {
  return `${(bytes / 2 ** 20).toFixed(0)} MiB`
}

/** @param {number} value */
export function bytes(value) {
  return value >= 10_000 ? `${(value / 1024).toFixed(1)} KiB` : `${value.toFixed(0)} B`
}

/**
 * The median, with the range if there is one.
 * @param {import('./results.mjs').Spread} value
 * @param {(value: number) => string} write
 */
export function range({ median, least, most }, write) {
  return least === most ? write(median) : `${write(median)} (${write(least)}–${write(most)})`
}

/**
 * What follows a number that has something to reach; '' without.
 * @param {number} value
 * @param {{ least?: number | undefined, most?: number | undefined, write?: (value: number) => string }} target
 */
export function targetWords(value, { least, most, write = String }) {
  const goal = least ?? most
  if (goal === undefined) return ''
  const met = value >= (least ?? -Infinity) && value <= (most ?? Infinity)
  return met ? `, target ${write(goal)} met` : `, **target ${write(goal)} missed**`
}
