import type { Socket } from 'node:net'
import { limits } from '../limits.ts'
import { Timer, type Timers } from '../timers.ts'

/**
 * Says something to peers that are not served, and closes. It then reads (and throws away) for a while, because closing a socket with unread
 * input makes the kernel send RST, which destroys what was said on its way. Invariant: no more than `lastWordsMax` sockets are kept for that.
 */
export class LastWords {
  readonly #timers: Timers
  readonly #sockets: Set<Socket> = new Set()

  constructor(timers: Timers) {
    this.#timers = timers
  }

  /** Takes the socket over. Beyond the bound it is closed without a word: whoever comes by the thousand does not read. */
  say(socket: Socket, words: Uint8Array): void {
    socket.on('error', () => {})
    if (this.#sockets.size >= limits.lastWordsMax) {
      socket.destroy()
      return
    }
    this.#sockets.add(socket)
    const timer = new Timer(() => socket.destroy())
    this.#timers.set(timer, limits.closeGraceMs)
    socket.once('close', () => {
      this.#timers.clear(timer)
      this.#sockets.delete(socket)
    })
    socket.end(words)
    socket.resume()
  }

  close(): void {
    for (const socket of this.#sockets) socket.destroy()
  }
}
