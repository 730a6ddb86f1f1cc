import type { Command } from './command.ts'
import type { Request } from './codec/request.ts'
import { redisLimits } from './limits.ts'

export interface QueuedCommand {
  readonly command: Command
  readonly request: Request
}

/** Commands between MULTI and EXEC, to be carried out one behind the other. */
export class Transaction {
  readonly commands: QueuedCommand[] = []
  /** Something in it was wrong: EXEC discards it all. */
  isBroken: boolean = false
  #bytes: number = 0

  /** False if it has become too large. */
  add(command: Command, request: Request): boolean {
    const copy = request.copy()
    this.#bytes += copy.buffer.length
    const { transactionCommandsMax, transactionBytesMax } = redisLimits
    if (this.#bytes > transactionBytesMax) return false
    if (this.commands.length >= transactionCommandsMax) return false
    this.commands.push({ command, request: copy })
    return true
  }
}
