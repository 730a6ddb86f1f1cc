import { BrokerError, ErrorCode } from './errors.ts'
import type { Caller, QueueOutcome } from './outcome.ts'
import type { Queue } from './queue/queue.ts'
import type { DeleteQueueRequest } from './requests.ts'
import type { VirtualHost } from './topology/virtual-host.ts'

/** A queue, in RabbitMQ's words. */
export function whereOf({ name: vhost }: VirtualHost, name: string): string {
  return `queue '${name}' in vhost '${vhost}'`
}

/** Refuses what the deletion was to spare. */
export function checkDeletion(
  where: string,
  asked: DeleteQueueRequest,
  counts: QueueOutcome,
): void {
  if (asked.ifUnused && counts.consumers > 0) {
    throw new BrokerError(ErrorCode.inUse, `${where} in use`)
  }
  if (asked.ifEmpty && counts.messages > 0) {
    throw new BrokerError(ErrorCode.inUse, `${where} not empty`)
  }
}

/** Nothing is taken out of a stream. In RabbitMQ's words. */
export function refuseStream(vhost: VirtualHost, name: string, method: string): void {
  if (vhost.findStreamQueue(name) === undefined) return
  const text = `${method} not supported by stream queues ${whereOf(vhost, name)}`
  throw new BrokerError(ErrorCode.notImplemented, text)
}

/** The queue, unless what the disk has of it is damaged. */
export function getSoundQueue({ vhost, id }: Caller, name: string): Queue {
  const queue = vhost.getQueue(name, id)
  const stopped = queue.durable?.stopped ?? null
  if (stopped === null) return queue
  const where = whereOf(vhost, name)
  throw new BrokerError(ErrorCode.damaged, `${where} has stopped: ${stopped.message}`)
}

/** Who is in a virtual host that is deleted can do nothing there, nor in another of that name. */
export function checkThere({ deleted, name }: VirtualHost): void {
  if (deleted) throw new BrokerError(ErrorCode.notFound, `no vhost '${name}'`)
}
