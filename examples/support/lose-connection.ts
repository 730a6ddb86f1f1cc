import type { Socket } from 'node:net'
import type { ChannelModel } from 'amqplib'

/** The connection ends without a word, as when its process is killed or a cable is pulled. */
export function loseConnection(connection: ChannelModel): void {
  connection.on('error', () => {})
  const { stream } = connection.connection as unknown as { readonly stream: Socket }
  // With an error: otherwise amqplib would not notice, and keep this process alive.
  stream.destroy(new Error('the connection was lost'))
}
