/** Where a broker listens and whether strangers can come in there: the same for command and embed API. */
import type { Declarations, DeclaredUser } from './declarations/declarations.ts'

export const loopbackHosts: readonly string[] = ['127.0.0.1', '::1']

/** The addresses to bind. `localhost` is both loopback addresses: clients try either. */
export function hostsToBind(host: string | undefined): readonly string[] {
  return host === undefined || host === 'localhost' ? loopbackHosts : [host]
}

export interface Reach {
  readonly host?: string | undefined
  readonly users?: readonly { readonly name: string; readonly password: string }[] | undefined
}

/**
 * Why a broker should not start there: other machines reach it, and nobody has a password that is
 * not known to everybody. Null if it is well.
 */
export function exposureOf({ host, users = [] }: Reach): string | null {
  if (host === undefined || isOfThisMachineAlone(host)) return null
  if (users.length === 0) return 'no user is set'
  return users.every(isWellKnownGuest) ? 'everybody knows the password of guest' : null
}

/** Of those that are declared, who may log in from other machines. */
export function usersFromElsewhere(
  declarations: Declarations | undefined,
): readonly DeclaredUser[] {
  return declarations?.users?.filter(({ loopbackOnly }) => loopbackOnly !== true) ?? []
}

/** Of names only `localhost`: others lead wherever somebody points them, 127.example.org too. */
function isOfThisMachineAlone(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127(\.\d{1,3}){3}$/.test(host)
}

/** The login of a fresh broker, which works from this machine without being asked for. */
export function isWellKnownGuest(user: {
  readonly name: string
  readonly password: string
}): boolean {
  return user.name === 'guest' && user.password === 'guest'
}
