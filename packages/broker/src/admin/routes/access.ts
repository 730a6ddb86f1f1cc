import type { Permission } from '../../core/auth/permissions.ts'
import { TooManyPermissionsError } from '../../core/auth/permissions.ts'
import { PatternError } from '../../core/auth/name-pattern-parser.ts'
import { UserRefusal, type User, type UserOptions } from '../../core/auth/user.ts'
import { done } from '../../core/outcome.ts'
import { ControlCaller } from '../caller.ts'
import { ApiError, ApiErrorCode, badRequest, conflict, notFound } from '../errors.ts'
import {
  listParameters,
  named,
  noContent,
  ok,
  page,
  pageParameters,
  put,
  query,
  text,
  type Answer,
  type ControlRequest,
  type Page,
  type Route,
  type Schema,
} from '../route.ts'

const USER = '/api/polymq/users/{user}'
const PERMISSION = '/api/polymq/vhosts/{vhost}/permissions/{user}'

const newUser: Schema = {
  type: 'object',
  additionalProperties: false,
  properties: {
    password: { type: 'string', minLength: 1, maxLength: 1024 },
    tags: {
      type: 'array',
      maxItems: 32,
      items: { type: 'string', minLength: 1, maxLength: 255 },
    },
    vhost: { type: 'string', maxLength: 255 },
    loopbackOnly: { type: 'boolean' },
  },
}

interface NewUser {
  readonly password?: string
  readonly tags?: readonly string[]
  readonly vhost?: string
  readonly loopbackOnly?: boolean
}

const pattern: Schema = { type: 'string', maxLength: 512 }
const newPermission: Schema = {
  type: 'object',
  additionalProperties: false,
  required: ['configure', 'write', 'read'],
  properties: { configure: pattern, write: pattern, read: pattern },
}

/** All of it is for administrators. */
export const accessRoutes: readonly Route[] = [
  { method: 'GET', path: '/api/polymq/users', query: query(listParameters), handle: listUsers },
  { method: 'GET', path: USER, handle: (request) => ok(showUser(getUser(request))) },
  { method: 'PUT', path: USER, body: newUser, handle: putUser },
  { method: 'DELETE', path: USER, handle: deleteUser },
  {
    method: 'GET',
    path: '/api/polymq/permissions',
    query: query({ user: text, ...pageParameters }),
    handle: listPermissions,
  },
  { method: 'GET', path: PERMISSION, handle: (request) => ok(getPermission(request)) },
  { method: 'PUT', path: PERMISSION, body: newPermission, handle: putPermission },
  { method: 'DELETE', path: PERMISSION, handle: deletePermission },
]

function listUsers({ control, viewer, query: asked }: ControlRequest): Answer {
  viewer.requireAdministrator()
  const { name, ...part } = asked as unknown as Page & { readonly name?: string }
  return ok(page(named(control.broker.access.users.list(), name), part, showUser))
}

/** Never with the credential. */
function showUser({ name, tags, vhost, loopbackOnly }: User): unknown {
  return { name, tags, vhost, loopbackOnly }
}

function getUser({ control, viewer, params }: ControlRequest): User {
  viewer.requireAdministrator()
  const { user: name = '' } = params
  const user = control.broker.access.users.find(name)
  if (user === null) throw notFound(`no user '${name}'`)
  return user
}

async function putUser(request: ControlRequest): Promise<Answer> {
  const { control, viewer, params, body } = request
  viewer.requireAdministrator()
  const { users } = control.broker.access
  const { user: name = '' } = params
  const { password, tags, vhost, loopbackOnly } = body as NewUser
  if (vhost !== undefined && control.broker.findVirtualHost(vhost) === undefined) {
    throw notFound(`no virtual host '${vhost}'`)
  }
  const options: UserOptions = {
    name,
    ...(tags !== undefined && { tags }),
    ...(vhost !== undefined && { vhost }),
    ...(loopbackOnly !== undefined && { loopbackOnly }),
  }
  const known = users.find(name)
  if (password !== undefined) await add(request, { ...options, password })
  else if (known === null) throw badRequest(`user '${name}' is new and needs a password`)
  else checkRefusal(users.addWithCredential({ ...options, credential: known.credential.format() }))
  await untilSafe(request)
  return put(known !== null, showUser(getUser(request)))
}

function add(
  { control }: ControlRequest,
  user: UserOptions & { readonly password: string },
): Promise<void> {
  return new Promise((resolve, reject) => {
    control.broker.access.users.add(user, (refusal) => {
      try {
        checkRefusal(refusal)
        resolve()
      } catch (error) {
        reject(error as Error)
      }
    })
  })
}

function checkRefusal(refusal: UserRefusal | null): void {
  switch (refusal) {
    case null:
      return
    case UserRefusal.Busy:
      throw new ApiError(ApiErrorCode.busy, refusal, { hint: 'try again in a few seconds' })
    case UserRefusal.Superseded:
      throw conflict(refusal)
    case UserRefusal.TooMany:
      throw new ApiError(ApiErrorCode.unavailable, refusal)
    default:
      throw badRequest(refusal)
  }
}

/** Resolves when all that was declared so far is on the disk. */
async function untilSafe({ control, viewer }: ControlRequest): Promise<void> {
  const { broker } = control
  const caller = new ControlCaller(broker, viewer.principal, broker.virtualHosts.root)
  await caller.ask((token) => broker.completions.call(caller, token, () => done))
}

async function deleteUser(request: ControlRequest): Promise<Answer> {
  const { control, viewer } = request
  const { name } = getUser(request)
  if (name === viewer.principal.name) {
    throw conflict('nobody deletes itself', 'let another administrator do it')
  }
  control.broker.access.users.remove(name)
  await untilSafe(request)
  return noContent
}

function listPermissions({ control, viewer, query: asked }: ControlRequest): Answer {
  viewer.requireAdministrator()
  const { user, ...part } = asked as unknown as Page & { readonly user?: string }
  const rows = control.broker.access.permissions.list()
  const wanted = user === undefined ? rows : rows.filter((row) => row.user === user)
  return ok(page(wanted, part, (row) => row))
}

function findPermission({ control, viewer, params }: ControlRequest): Permission | null {
  viewer.requireAdministrator()
  const { vhost = '', user = '' } = params
  return control.broker.access.permissions.find({ vhost, user })
}

function getPermission(request: ControlRequest): Permission {
  const row = findPermission(request)
  if (row !== null) return row
  const { vhost = '', user = '' } = request.params
  throw notFound(`user '${user}' has no permissions in vhost '${vhost}'`)
}

async function putPermission(request: ControlRequest): Promise<Answer> {
  const { control, viewer, params, body } = request
  getUser(request)
  const vhost = viewer.getVhost(params.vhost ?? '').name
  const wasThere = findPermission(request) !== null
  const { configure, write, read } = body as Omit<Permission, 'user' | 'vhost'>
  try {
    const { user = '' } = params
    control.broker.access.permissions.set({ user, vhost, configure, write, read })
  } catch (error) {
    if (error instanceof PatternError) throw badRequest(error.message)
    if (error instanceof TooManyPermissionsError) {
      throw new ApiError(ApiErrorCode.unavailable, error.message)
    }
    throw error
  }
  await untilSafe(request)
  return put(wasThere, getPermission(request))
}

async function deletePermission(request: ControlRequest): Promise<Answer> {
  const { vhost, user } = getPermission(request)
  request.control.broker.access.permissions.remove({ vhost, user })
  await untilSafe(request)
  return noContent
}
