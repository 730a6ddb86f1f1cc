import { isUtf8 } from 'node:buffer'
import { DecodeError } from '../../base/reader.ts'

/** What a client presented; nothing of it is proven yet. */
export interface PlainLogin {
  readonly name: string
  readonly password: string
}

/**
 * SASL PLAIN, the same bytes in AMQP's start-ok and Kafka's SaslAuthenticate [RFC 4616]:
 *
 *   [authzid] NUL authcid NUL passwd       UTF-8, no NUL within
 *
 * authzid would act as somebody else. As in Kafka it is empty or the name again; anything else is
 * refused rather than ignored. Throws DecodeError; no message of it contains what was sent, since
 * the password is in there.
 */
export function parseSaslPlain(response: Buffer): PlainLogin {
  // Else two wrong byte sequences would be one password of replacement characters.
  if (!isUtf8(response)) throw new DecodeError('SASL PLAIN response is not UTF-8')
  const nameAt = response.indexOf(0) + 1
  const passwordAt = response.indexOf(0, nameAt) + 1
  if (nameAt === 0 || passwordAt === 0) {
    throw new DecodeError('SASL PLAIN response has less than three parts')
  }
  if (response.includes(0, passwordAt)) {
    throw new DecodeError('SASL PLAIN response has more than three parts')
  }
  const authorizationId = response.toString('utf8', 0, nameAt - 1)
  const name = response.toString('utf8', nameAt, passwordAt - 1)
  const password = response.toString('utf8', passwordAt)
  if (name === '') throw new DecodeError('SASL PLAIN response has no user name')
  if (password === '') throw new DecodeError('SASL PLAIN response has no password')
  if (authorizationId !== '' && authorizationId !== name) {
    throw new DecodeError('SASL PLAIN response asks to act as another user')
  }
  return { name, password }
}
