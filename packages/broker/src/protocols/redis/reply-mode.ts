/** Which answers a client wants. Messages come whatever it says. [CLIENT REPLY] */
export const ReplyMode = {
  on: 'on',
  off: 'off',
  /** None to the next command. */
  skip: 'skip',
} as const
export type ReplyMode = (typeof ReplyMode)[keyof typeof ReplyMode]
