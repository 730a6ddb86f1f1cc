import type { Credential } from './credential.ts'
import type { Principal } from './principal.ts'

export interface User {
  readonly id: number
  readonly name: string
  readonly tags: readonly string[]
  /** Where clients without a virtual host of their own work. */
  readonly vhost: string
  /** May log in from this machine only, as RabbitMQ's loopback_users. */
  readonly loopbackOnly: boolean
  readonly credential: Credential
  /** A new number whenever the credential changes; no two credentials share one. */
  readonly revision: number
}

/** What can be said of a user beside its password. */
export interface UserOptions {
  readonly name: string
  readonly tags?: readonly string[]
  readonly vhost?: string
  readonly loopbackOnly?: boolean
}

export const UserRefusal = {
  Name: 'name must be 1 to 255 bytes',
  Password: 'password must be 1 to 1024 bytes',
  Tags: 'too many tags',
  TooMany: 'too many users',
  Busy: 'too many passwords are being hashed',
  Superseded: 'changed again or removed meanwhile',
} as const
export type UserRefusal = (typeof UserRefusal)[keyof typeof UserRefusal]

export interface LoginAttempt {
  readonly name: string
  readonly password: string
  /** Whether the peer is on this machine: isLoopback() of its address, and no proxy header seen. */
  readonly loopback: boolean
}

/** Why a login was refused: for the log. What the client is told is the same for all of them. */
export const LoginRefusal = {
  EmptyPassword: 'blank password',
  UnknownUser: 'no such user',
  WrongPassword: 'invalid credentials',
  LoopbackOnly: 'can only connect via localhost',
  UnknownToken: 'no such token',
  Busy: 'too many logins at once',
  Changed: 'changed or removed while logging in',
} as const
export type LoginRefusal = (typeof LoginRefusal)[keyof typeof LoginRefusal]

export type LoginOutcome =
  | { readonly principal: Principal; readonly refusal: null }
  | { readonly principal: null; readonly refusal: LoginRefusal }
