/** The block `authorization` of a configuration: who may log in. */
import type { Block, Entry } from './config-tree.ts'
import { blockOf, blocksOf, fault, msOf, textOf } from './config-values.ts'
import type { NatsSettings, NatsUser } from './settings.ts'

/** Modular crypt of bcrypt, as `nats server passwd` prints it. */
const BCRYPT = /^\$2[aby]?\$/

const notServed: ReadonlyMap<string, string> = new Map([
  ['nkey', 'nkeys are not served: give user and password'],
  ['account', 'accounts are not served'],
  ['permission', 'permissions by subject are not served: every user may do all'],
  ['permissions', 'permissions by subject are not served: every user may do all'],
  ['authorization', 'permissions by subject are not served: every user may do all'],
  ['default_permission', 'permissions by subject are not served: every user may do all'],
  ['default_permissions', 'permissions by subject are not served: every user may do all'],
  ['allowed_connection_types', 'users cannot be kept to some kinds of connections'],
  ['connection_types', 'users cannot be kept to some kinds of connections'],
  ['clients', 'users cannot be kept to some kinds of connections'],
  ['auth_callout', 'nobody else can be asked who may log in'],
  ['auth_hook', 'nobody else can be asked who may log in'],
  ['proxy_required', 'proxies are not served'],
])

/** Throws a ConfigError. */
export function readAuthorization(settings: NatsSettings, entry: Entry): void {
  for (const each of blockOf(entry).values()) readKey(settings, each)
  const { user, password, token, users } = settings
  const isOneUser = user !== undefined || password !== undefined
  if (isOneUser && token !== undefined) throw fault(entry, 'Cannot have a user/pass and token')
  if (users === undefined) return
  if (isOneUser) throw fault(entry, 'Can not have a single user/pass and a users array')
  if (token !== undefined) throw fault(entry, 'Can not have a token and a users array')
  const names = new Set<string>()
  for (const { name } of users) {
    if (names.has(name)) throw fault(entry, `Duplicate user "${name}" detected`)
    names.add(name)
  }
}

function readKey(settings: NatsSettings, entry: Entry): void {
  switch (entry.name.toLowerCase()) {
    case 'user':
    case 'username':
      settings.user = textOf(entry)
      return
    case 'pass':
    case 'password':
      settings.password = secretOf(entry)
      return
    case 'token':
      settings.token = secretOf(entry)
      return
    case 'timeout':
      settings.authTimeoutMs = msOf(entry)
      return
    case 'users':
      settings.users = blocksOf(entry).map((block) => readUser(block, entry))
      return
    default:
      refuse(entry)
  }
}

function readUser(block: Block, list: Entry): NatsUser {
  let name = ''
  let password = ''
  for (const entry of block.values()) {
    const key = entry.name.toLowerCase()
    if (key === 'user' || key === 'username') name = textOf(entry)
    else if (key === 'pass' || key === 'password') password = secretOf(entry)
    else refuse(entry)
  }
  if (name === '') throw fault(list, 'User entry requires a user')
  return { name, password }
}

function secretOf(entry: Entry): string {
  const secret = textOf(entry)
  if (!BCRYPT.test(secret)) return secret
  throw fault(entry, `${entry.name}: bcrypt is not served; give it as it is typed`)
}

function refuse(entry: Entry): void {
  const why = notServed.get(entry.name.toLowerCase())
  if (why !== undefined) throw fault(entry, `${entry.name}: ${why}`)
  if (!entry.isUsed) throw fault(entry, `unknown field "${entry.name}"`)
}
