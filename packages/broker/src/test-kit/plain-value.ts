/** A header's value as a program has it. */
export type PlainValue =
  | null
  | boolean
  | number
  | bigint
  | string
  | Uint8Array
  | Date
  | readonly PlainValue[]
  | { readonly [name: string]: PlainValue }
