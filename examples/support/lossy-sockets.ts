import { connect } from 'node:net'
import type { ISocketFactory } from 'kafkajs'

const PRODUCE = 0
/** Behind the size of the request. */
const API_KEY_AT = 4

/**
 * Sockets for kafkajs that lose one answer: the broker gets the first Produce request and does it, and the connection
 * breaks before the producer hears of that. So the producer sends the same again.
 */
export function losingFirstProduceAnswer(): ISocketFactory {
  let isLost = false
  return ({ host, port, onConnect }) => {
    const socket = connect({ host, port }, onConnect)
    const write = socket.write.bind(socket) as (bytes: Buffer, ...rest: never[]) => boolean
    socket.write = (bytes: Uint8Array | string, ...rest: never[]): boolean => {
      const request = Buffer.from(bytes as Uint8Array)
      if (!isLost && request.readInt16BE(API_KEY_AT) === PRODUCE) {
        isLost = true
        socket.removeAllListeners('data')
        socket.once('data', () => socket.destroy(new Error('the network broke')))
      }
      return write(request, ...rest)
    }
    return socket
  }
}
