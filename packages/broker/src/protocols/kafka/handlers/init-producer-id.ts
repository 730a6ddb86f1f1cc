import type { ApiKey } from '../codec/api-keys.ts'
import type { InitProducerIdRequest } from '../codec/messages/session.ts'
import { KafkaError } from '../errors.ts'
import type { RequestContext } from '../request-context.ts'

/**
 * Gives an idempotent producer its id; each asking gives a new one, as Kafka does without a
 * transactional id. It is told when it is written down that the id has been given. Transactions are not served: the error is one that no client retries.
 */
export function initProducerId(
  { transactionalId }: InitProducerIdRequest,
  request: RequestContext<typeof ApiKey.InitProducerId>,
): void {
  if (transactionalId === null) {
    const producerId = request.broker.identity.producerIds.next()
    const errorCode = KafkaError.NONE
    return request.replyWhenSafe({ throttleTimeMs: 0, errorCode, producerId, producerEpoch: 0 })
  }
  const errorCode =
    transactionalId === '' ? KafkaError.INVALID_REQUEST : KafkaError.UNSUPPORTED_VERSION
  request.reply({ throttleTimeMs: 0, errorCode, producerId: -1, producerEpoch: -1 })
}
