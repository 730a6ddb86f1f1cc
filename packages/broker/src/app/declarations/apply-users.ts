import type { User, UserOptions } from '../../core/auth/user.ts'
import { guestCredential } from '../../core/auth/users.ts'
import type { Broker } from '../../core/broker.ts'
import { DeclarationError, type DeclaredPermission, type DeclaredUser } from './declarations.ts'

/** One that is there keeps its password: it must be the declared one. */
export async function applyUser(broker: Broker, user: DeclaredUser): Promise<void> {
  const existing = broker.access.users.find(user.name)
  if (existing === null || isUntouchedGuest(existing)) {
    await addUser(broker, user)
    setPermissions(broker, user)
    return
  }
  await checkPassword(broker, user)
  checkTags(existing, user)
  checkPermissions(broker, user)
}

/** The guest of a fresh broker is a default, and gives way to what somebody says. */
function isUntouchedGuest({ name, loopbackOnly, credential }: User): boolean {
  return name === 'guest' && loopbackOnly && credential.format() === guestCredential
}

function addUser({ access }: Broker, user: DeclaredUser): Promise<void> {
  const { name, password, tags = [], loopbackOnly = false } = user
  const options: UserOptions & { readonly password: string } = {
    name,
    password,
    tags,
    loopbackOnly,
  }
  return new Promise((resolve, reject) => {
    access.users.add(options, (refusal) => {
      if (refusal === null) resolve()
      else reject(new DeclarationError('', `user '${name}' is refused: ${refusal}`))
    })
  })
}

function checkPassword({ access }: Broker, { name, password }: DeclaredUser): Promise<void> {
  return new Promise((resolve, reject) => {
    access.users.verify({ name, password, loopback: true }, ({ principal, refusal }) => {
      if (principal !== null) return resolve()
      const remedy = `Correct it here, or change it there: polymq user create ${name}`
      const message = `user '${name}' is there with another password (${refusal}). ${remedy}`
      reject(new DeclarationError('', message))
    })
  })
}

function checkTags(existing: User, { name, tags = [], loopbackOnly = false }: DeclaredUser): void {
  const [there, here] = [[...existing.tags].sort().join(', '), [...tags].sort().join(', ')]
  if (there !== here) throw differs(name, 'tags', there || 'none', here || 'none')
  if (existing.loopbackOnly === loopbackOnly) return
  throw differs(name, 'loopbackOnly', String(existing.loopbackOnly), String(loopbackOnly))
}

function setPermissions({ access, virtualHosts }: Broker, user: DeclaredUser): void {
  for (const permission of permissionsOf(user)) {
    if (virtualHosts.find(permission.vhost) === undefined) throw noVhost(permission.vhost)
    try {
      access.permissions.set({ user: user.name, ...permission })
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error)
      throw new DeclarationError('', `user '${user.name}': a permission is refused: ${reason}`)
    }
  }
}

function checkPermissions({ access, virtualHosts }: Broker, user: DeclaredUser): void {
  const declared = permissionsOf(user)
  for (const permission of declared) {
    const { vhost } = permission
    if (virtualHosts.find(vhost) === undefined) throw noVhost(vhost)
    const row = access.permissions.find({ user: user.name, vhost })
    for (const right of ['configure', 'write', 'read'] as const) {
      if (row?.[right] === permission[right]) continue
      const what = `permission to ${right} in virtual host '${vhost}'`
      throw differs(user.name, what, row?.[right] ?? 'none', permission[right])
    }
  }
  for (const { name: vhost } of virtualHosts.values()) {
    if (declared.some((permission) => permission.vhost === vhost)) continue
    const row = access.permissions.find({ user: user.name, vhost })
    if (row !== null)
      throw differs(user.name, `permissions in virtual host '${vhost}'`, 'some', 'none')
  }
}

function permissionsOf({ permissions = [{}] }: DeclaredUser): Required<AllSet>[] {
  return permissions.map(({ vhost = '/', configure = '.*', write = '.*', read = '.*' }) => {
    return { vhost, configure, write, read }
  })
}

type AllSet = { [Key in keyof DeclaredPermission]: string }

function noVhost(vhost: string): DeclarationError {
  return new DeclarationError('', `there is no virtual host '${vhost}'. Add it under vhosts`)
}

function differs(name: string, what: string, there: string, here: string): DeclarationError {
  return new DeclarationError(
    '',
    `user '${name}' is there with other ${what}: ${there} there, ${here} here`,
  )
}
