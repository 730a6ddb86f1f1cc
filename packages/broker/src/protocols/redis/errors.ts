import { BrokerError, ErrorCode } from '../../core/errors.ts'
import { redisLimits } from './limits.ts'

/** A command that is answered by an error; the connection goes on. The text begins with its code. */
export class CommandError extends Error {
  override readonly name = 'CommandError'
}

export const noAuthHello: string =
  'NOAUTH HELLO must be called with the client already authenticated, otherwise the HELLO <proto> AUTH <user> <pass> ' +
  'option can be used to authenticate the client and select the RESP protocol version at the same time'

/** What Redis says in protected mode, said of what protects this broker. */
export const denied: string =
  'DENIED PolyMQ takes clients of Redis from its own machine only, because it has no user that may log in from elsewhere: guest may not. ' +
  'To connect from another machine, give it one, with --user NAME:PASSWORD at its start or by polymq user create, and log in with ' +
  'AUTH NAME PASSWORD.'

export const errorTexts = {
  noAuth: 'NOAUTH Authentication required.',
  noPassword:
    'ERR AUTH <password> called without any password configured for the default user. Are you sure your configuration is correct?',
  wrongPass: 'WRONGPASS invalid username-password pair or user is disabled.',
  noProto: 'NOPROTO unsupported protocol version',
  noChannel: 'NOPERM No permissions to access a channel',
  syntax: 'ERR syntax error',
  notInteger: 'ERR value is not an integer or out of range',
  notInTransaction: 'ERR Command not allowed inside a transaction',
  execAbort: 'EXECABORT Transaction discarded because of previous errors.',
} as const

/** Of the core's codes those that Redis has one for; of all others the message says what it is. */
export function errorTextOf(error: BrokerError): string {
  if (error.code === ErrorCode.accessRefused) return errorTexts.noChannel
  return `ERR ${oneLine(error.message)}`
}

/** Of what the client did wrong; what is a fault of ours is thrown on. */
export function textOf(error: unknown): string {
  if (error instanceof CommandError) return error.message
  if (error instanceof BrokerError) return errorTextOf(error)
  throw error
}

export function wrongArity(command: string): string {
  return `ERR wrong number of arguments for '${command}' command`
}

export function unknownSubcommand(subcommand: string, command: string): string {
  return `ERR unknown subcommand '${shownText(subcommand)}'. Try ${command.toUpperCase()} HELP.`
}

/** Of a text that begins with its code. */
export function execDiscarded(text: string): string {
  return `EXECABORT Transaction discarded because of: ${text.replace(/^ERR /, '')}`
}

export function tooManyFor(subcommand: string, command: string): string {
  const shown = shownText(subcommand)
  const help = `Try ${shownText(command).toUpperCase()} HELP.`
  return `ERR unknown subcommand or wrong number of arguments for '${shown}'. ${help}`
}

/** In Redis' words, with the beginning of the arguments. */
export function unknownCommand(name: string, args: readonly string[]): string {
  let shownArgs = ''
  for (const arg of args) {
    const room = redisLimits.shownCharsMax - shownArgs.length
    if (room <= 0) break
    shownArgs += `'${arg.slice(0, room)}' `
  }
  return `ERR unknown command '${shownText(name)}', with args beginning with: ${oneLine(shownArgs)}`
}

export function notInSubscriberMode(command: string): string {
  return (
    `ERR Can't execute '${command}': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET ` +
    'are allowed in this context'
  )
}

/** What a client sent, fit for an error: short, one line. */
export function shownText(text: string): string {
  return oneLine(text.slice(0, redisLimits.shownCharsMax))
}

/** The same for a log line: without bytes that a terminal obeys. */
export function printable(text: string): string {
  return text.slice(0, redisLimits.shownCharsMax).replaceAll(/[^\x20-\x7e]/g, '?')
}

function oneLine(text: string): string {
  return text.replaceAll(/[\r\n]/g, ' ')
}
