import { Connection } from '../base/net/connection.ts'
import { OutputBuffers } from '../base/net/output-buffers.ts'
import { NatsHead } from '../protocols/nats/head.ts'
import { FakeSocket } from './fake-socket.ts'
import type { TestBroker } from './test-broker.ts'

export interface FakeNatsOptions {
  /** On this machine, unless it says so. */
  readonly loopback?: boolean
}

/** A NATS client without network: the test plays its kernel, its turns and its clock. */
export class FakeNatsClient {
  readonly world: TestBroker
  readonly socket: FakeSocket = new FakeSocket()
  readonly connection: Connection
  #taken: number = 0

  constructor(world: TestBroker, head: NatsHead, { loopback = true }: FakeNatsOptions = {}) {
    this.world = world
    const { broker } = world
    const address = loopback ? '127.0.0.1' : '192.0.2.1'
    this.connection = new Connection(this.socket.asSocket, {
      id: broker.nextId(),
      endpoint: {
        remoteAddress: address,
        remotePort: 1,
        localAddress: '127.0.0.1',
        localPort: 4222,
        loopback,
      },
      turn: broker.turn,
      timers: broker.timers,
      buffers: new OutputBuffers(),
    })
    head.accept(this.connection)
    world.run()
  }

  /** One that has said CONNECT, without the INFO that it got. */
  static connected(world: TestBroker, head: NatsHead, options: object = {}): FakeNatsClient {
    const client = new FakeNatsClient(world, head)
    const said = { verbose: false, pedantic: false, headers: true, ...options }
    client.send(`CONNECT ${JSON.stringify(said)}\r\n`)
    client.take()
    return client
  }

  /** Sends and runs turns until nothing is left to do. */
  send(bytes: string | Uint8Array): void {
    this.socket.emit('data', typeof bytes === 'string' ? Buffer.from(bytes) : Buffer.from(bytes))
    this.world.run()
  }

  /** What it was sent since the last call, one character an octet. */
  take(): string {
    const taken = Buffer.concat(this.socket.taken.slice(this.#taken)).toString('latin1')
    this.#taken = this.socket.taken.length
    return taken
  }

  /** The same of what an exchange of words brings. */
  ask(bytes: string): string {
    this.send(bytes)
    return this.take()
  }
}
