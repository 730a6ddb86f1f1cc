import type { Request } from './codec/request.ts'
import type { Reply } from './codec/reply.ts'
import type { Session } from './session.ts'

/** What a command is besides what it does. */
export const Trait = {
  /** Whoever has not logged in may say it. */
  beforeLogin: 'no_auth',
  /** A subscriber of RESP2 may say it. */
  whileSubscribed: 'while-subscribed',
  /** It has no place in a transaction. */
  noTransaction: 'no_multi',
  /** It writes its answers itself, now or later. */
  answersItself: 'answers-itself',
  /** In a transaction it is carried out at once. */
  immediate: 'immediate',
} as const
export type Trait = (typeof Trait)[keyof typeof Trait]

/** One command, or one that is part of another as `client|id` is. */
export interface Command {
  readonly name: string
  /** Words with the name; negative: at least so many. [as Redis] */
  readonly arity: number
  readonly summary: string
  readonly traits: readonly Trait[]
  /** Null for one that is only its parts. */
  readonly run: ((session: Session, request: Request, reply: Reply) => void) | null
  /** Whether something would have to wait that is short just now. */
  readonly mustWait?: (session: Session, request: Request) => boolean
  /** By the word behind the name. */
  readonly parts?: ReadonlyMap<string, Command>
}

export function fitsArity({ arity }: Command, count: number): boolean {
  return arity >= 0 ? count === arity : count >= -arity
}
