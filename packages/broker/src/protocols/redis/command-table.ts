import type { Command } from './command.ts'
import type { Request } from './codec/request.ts'
import { aclCommand } from './handlers/acl.ts'
import { clientCommand } from './handlers/client.ts'
import { commandCommand } from './handlers/command.ts'
import { connectionCommands } from './handlers/connection.ts'
import { pubsubCommands } from './handlers/pubsub.ts'
import { serverCommands } from './handlers/server.ts'
import { transactionCommands } from './handlers/transaction.ts'

const all: readonly Command[] = [
  ...pubsubCommands,
  ...connectionCommands,
  ...transactionCommands,
  ...serverCommands,
  aclCommand,
  clientCommand,
  commandCommand(() => commandTable),
]

/** All that is served, by name. */
export const commandTable: ReadonlyMap<string, Command> = new Map(
  all.map((command) => [command.name, command]),
)

/** Of a command with parts the part, if there is one of that name, else the whole. */
export function findCommand(name: string, request: Request): Command | undefined {
  const command = commandTable.get(name)
  if (command?.parts === undefined || request.count < 2) return command
  return command.parts.get(request.lower(1)) ?? unknownPart(command)
}

/** So that its word is named in the answer. */
function unknownPart(command: Command): Command {
  return { ...command, run: null }
}
