import { totalmem } from 'node:os'
import { resolve } from 'node:path'
import type { Environment } from './invocation.ts'
import type { Machine } from './options.ts'

export function thisMachine(): Machine {
  return { memoryBytes: usableMemoryBytes(), absolute: (path) => resolve(path) }
}

/** In a container, what it may use, which can be far less than what the machine has. */
function usableMemoryBytes(): number {
  const constrained = process.constrainedMemory()
  return constrained > 0 ? Math.min(constrained, totalmem()) : totalmem()
}

export function wantsColour(stream: { readonly isTTY?: boolean }, env: Environment): boolean {
  if (env.NO_COLOR) return false
  if (env.FORCE_COLOR) return env.FORCE_COLOR !== '0'
  return stream.isTTY === true && env.TERM !== 'dumb'
}
