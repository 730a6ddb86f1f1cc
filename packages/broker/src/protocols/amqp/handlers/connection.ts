import type { Reader } from '../../../base/reader.ts'
import {
  readClose,
  readConnectionUpdateSecret,
  writeConnectionCloseOk,
  writeConnectionUpdateSecretOk,
} from '../codec/connection-methods.ts'
import { ConnectionMethod } from '../codec/constants.ts'
import { unexpectedMethod, unimplementedMethod } from '../connection-errors.ts'
import { handleOpen, handleStartOk, handleTuneOk } from '../handshake.ts'
import type { AmqpError } from '../errors.ts'
import { SessionState } from '../session-state.ts'
import type { Session } from '../session.ts'

/** Which method may come in which state of the handshake; close may come in any. */
export function handleConnection(session: Session, method: number, reader: Reader): void {
  switch (method) {
    case ConnectionMethod.startOk:
      expectState(session, SessionState.startOk)
      return handleStartOk(session, reader)
    case ConnectionMethod.tuneOk:
      expectState(session, SessionState.tuneOk)
      return handleTuneOk(session, reader)
    case ConnectionMethod.open:
      expectState(session, SessionState.open)
      return handleOpen(session, reader)
    case ConnectionMethod.close:
      return handleClose(session, reader)
    case ConnectionMethod.closeOk:
      return session.end()
    case ConnectionMethod.updateSecret:
      expectState(session, SessionState.running)
      return handleUpdateSecret(session, reader)
    default:
      throw unimplementedMethod()
  }
}

/** What the connection owned is gone before the client hears that it is closed. */
function handleClose(session: Session, reader: Reader): void {
  const { replyCode, replyText } = readClose(reader)
  session.releaseAll()
  writeConnectionCloseOk(session.startMethod(0))
  session.endMethod()
  session.end()
  session.log.debug('closed by client', { code: replyCode, reason: replyText })
}

/** Passwords do not expire: a new one for the same user is taken note of and nothing changes. [as RabbitMQ's own users] */
function handleUpdateSecret(session: Session, reader: Reader): void {
  readConnectionUpdateSecret(reader)
  writeConnectionUpdateSecretOk(session.startMethod(0))
  session.endMethod()
}

function expectState(session: Session, state: SessionState): void {
  if (session.state !== state) throw unexpectedIn(session.state)
}

/** RabbitMQ's words for SessionState, by number. */
const STATE_NAMES = [
  'handshake',
  'starting',
  'securing',
  'tuning',
  'opening',
  'running',
  'closing',
  'closed',
]

export function unexpectedIn(state: SessionState): AmqpError {
  return unexpectedMethod(STATE_NAMES[state] as string)
}
