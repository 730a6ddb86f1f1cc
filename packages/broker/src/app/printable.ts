/**
 * Controls (C0, DEL, C1), line separators, and the marks that turn the direction of text: with
 * these a peer could forge log lines or drive the terminal of whoever reads them.
 */
const UNSAFE = /[\u0000-\u001f\u007f-\u009f\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069]/g

/** The longest text that a peer may put into one field of a log line. */
const CHARACTERS_MAX = 128

/** What a person must read whole, as the path of a file, cut off where nobody reads on. */
export const PATH_CHARACTERS_MAX = 1024

/** Text of unknown origin, made safe to print on one line and not too long. */
export function printable(text: string, charactersMax: number = CHARACTERS_MAX): string {
  const cut = text.length > charactersMax ? `${text.slice(0, charactersMax)}…` : text
  return cut.replace(UNSAFE, escapeCharacter)
}

/** All of a text, as long as it is; of line breaks too. What was JSON is so still. */
export function escapeUnsafe(text: string): string {
  return text.replace(UNSAFE, escapeCharacter)
}

function escapeCharacter(character: string): string {
  if (character === '\n') return '\\n'
  if (character === '\r') return '\\r'
  if (character === '\t') return '\\t'
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`
}
