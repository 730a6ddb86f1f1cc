/*
 * Subjects: words between dots, none of them empty.
 *
 *   orders.new.eu      a subject
 *   orders.*.eu        a pattern: `*` is one word
 *   orders.>           a pattern: `>` at the end is one word or more
 *   orders.n*          a subject: a wildcard is one only as a whole word
 *
 * Blanks cannot come over the wire; control characters are refused, so that a subject can be logged and shown. [NATS subjects]
 */
const DOT = 0x2e
const STAR = 0x2a
const GREATER = 0x3e
const DELETE = 0x7f
const BLANK = 0x20

export const SubjectKind = { invalid: 0, literal: 1, pattern: 2 } as const
export type SubjectKind = (typeof SubjectKind)[keyof typeof SubjectKind]

/** What kind of subject the bytes [start, end) are. */
export function subjectKind(buffer: Uint8Array, start: number, end: number): SubjectKind {
  let kind: SubjectKind = SubjectKind.literal
  let wordStart = start
  for (let i = start; i <= end; i++) {
    const octet = i === end ? DOT : (buffer[i] as number)
    if (octet <= BLANK || octet === DELETE) return SubjectKind.invalid
    if (octet !== DOT) continue
    if (i === wordStart) return SubjectKind.invalid
    if (i === wordStart + 1) {
      const only = buffer[wordStart] as number
      // Nothing may follow the rest of it.
      if (only === GREATER && i !== end) return SubjectKind.invalid
      if (only === GREATER || only === STAR) kind = SubjectKind.pattern
    }
    wordStart = i + 1
  }
  return kind
}

/**
 * The patterns that fit a literal subject, itself first: all of them if it has at most `wordsMax` words, else those with a wildcard at
 * the end only. There are 3 · 2^words of them at most.
 */
export function* patternsFor(subject: string, wordsMax: number): Generator<string> {
  yield subject
  const words = subject.split('.')
  const every = words.length <= wordsMax
  const stars = every ? 2 ** words.length : 2
  // The last word is the lowest bit: nearly always the pattern is `something.*`.
  for (let mask = 1; mask < stars; mask++) yield masked(words, mask)
  for (let kept = words.length - 1; kept >= 0; kept--) {
    const masks = every ? 2 ** kept : 1
    for (let mask = 0; mask < masks; mask++) {
      yield kept === 0 ? '>' : `${masked(words.slice(0, kept), mask)}.>`
    }
  }
}

function masked(words: readonly string[], mask: number): string {
  const last = words.length - 1
  return words.map((word, i) => ((mask >> (last - i)) & 1 ? '*' : word)).join('.')
}

/** Whether a message under a literal subject reaches a subscription to this pattern. */
export function patternFits(pattern: string, subject: string): boolean {
  const wanted = pattern.split('.')
  const words = subject.split('.')
  for (const [i, word] of wanted.entries()) {
    if (i >= words.length) return false
    if (word === '>' && i === wanted.length - 1) return true
    if (word !== '*' && word !== words[i]) return false
  }
  return wanted.length === words.length
}
