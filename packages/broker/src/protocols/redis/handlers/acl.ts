import type { Command } from '../command.ts'
import { withHelp } from './help.ts'

const whoAmI: Command = {
  name: 'acl|whoami',
  arity: 2,
  summary: 'The name of the user that this connection is.',
  traits: [],
  run: (session, _request, reply) => reply.bulk(session.principal?.name ?? ''),
}

/** Users and what they may do are the broker's, and not changed from here. */
export const aclCommand: Command = withHelp({
  name: 'acl',
  arity: -2,
  summary: 'Who the client is to the broker.',
  traits: [],
  run: null,
  parts: new Map([['whoami', whoAmI]]),
})
