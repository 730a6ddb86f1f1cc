import { randomUUID } from 'node:crypto'
import type { Connection, Publisher } from 'rabbitmq-client'
import { startConsumer } from '../../support/consumer.ts'

const PATIENCE_MS = 10_000

/** Request-reply over a queue: what examples/basics/request-reply.ts shows, as a service uses it. */
export class Questions {
  readonly #publisher: Publisher
  readonly #queue: string
  readonly #replyTo: string
  readonly #waiting = new Map<string, (answer: unknown) => void>()

  private constructor(publisher: Publisher, addresses: { queue: string; replyTo: string }) {
    this.#publisher = publisher
    this.#queue = addresses.queue
    this.#replyTo = addresses.replyTo
  }

  static async open(connection: Connection, queue: string): Promise<Questions> {
    const { queue: replyTo } = await connection.queueDeclare({ exclusive: true })
    const publisher = connection.createPublisher({
      confirm: true,
      queues: [{ queue, durable: true }],
    })
    const questions = new Questions(publisher, { queue, replyTo })
    const answers = { queue: replyTo, queueOptions: { passive: true }, noAck: true }
    await startConsumer(connection, answers, ({ correlationId = '', body }) => {
      questions.#waiting.get(correlationId)?.(body)
    })
    return questions
  }

  async ask(question: unknown): Promise<unknown> {
    const correlationId = randomUUID()
    const { promise, resolve, reject } = Promise.withResolvers<unknown>()
    const patience = setTimeout(() => reject(new Error('nobody has answered')), PATIENCE_MS)
    this.#waiting.set(correlationId, resolve)
    try {
      const envelope = { routingKey: this.#queue, replyTo: this.#replyTo, correlationId }
      await this.#publisher.send(envelope, question)
      return await promise
    } finally {
      clearTimeout(patience)
      this.#waiting.delete(correlationId)
    }
  }
}
