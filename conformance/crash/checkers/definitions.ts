/**
 * C8, durable definitions. A queue, exchange, binding or topic whose declaration was answered is
 * there after a crash, with what it was declared with; one whose deletion was answered is not, and
 * neither is anything that is not durable. While the answer is missing it may be either, until
 * somebody looks. One process declares, deletes and looks for a definition, one step at a time.
 */
import type { DefinitionEvent, HistoryEvent, Stamp } from '../history/event.ts'
import type { History } from '../history/history.ts'
import { seconds, type Violation } from './violation.ts'

type State = 'there' | 'absent' | 'unknown'

interface Definition {
  state: State
  isDurable: boolean
}

export function checkDefinitions({ events }: History): Violation[] {
  const definitions = new Map<string, Definition>()
  const violations: Violation[] = []
  for (const event of events) {
    if (event.f === 'crash' && event.type === 'ok') forgetTransient(definitions.values())
    if (!isDefinition(event)) continue
    const name = `${event.kind} ${event.name}`
    const known = definitions.get(name) ?? { state: 'absent', isDurable: event.durable }
    definitions.set(name, known)
    const rule = step(known, event)
    if (rule === null) continue
    const text = `${name}, ${seconds(event.t)}${event.err === undefined ? '' : `: ${event.err}`}`
    violations.push({ check: 'C8', rule, t: event.t, text })
  }
  return violations
}

function isDefinition(event: HistoryEvent): event is Stamp & DefinitionEvent {
  return event.f === 'declare' || event.f === 'delete' || event.f === 'exists'
}

function forgetTransient(definitions: Iterable<Definition>): void {
  for (const definition of definitions) if (!definition.isDurable) definition.state = 'absent'
}

/** Returns the rule that it breaks, or null. */
function step(known: Definition, { f, type }: Stamp & DefinitionEvent): string | null {
  const before = known.state
  if (f === 'exists') {
    if (type === 'ok') known.state = 'there'
    if (type === 'fail') known.state = 'absent'
    if (type === 'ok' && before === 'absent') return 'came back'
    return type === 'fail' && before === 'there' ? 'is gone' : null
  }
  const goal: State = f === 'declare' ? 'there' : 'absent'
  if (type === 'ok') known.state = goal
  else if (type === 'fail') return f === 'declare' ? 'was refused' : 'could not be deleted'
  else if (type === 'invoke' && before !== goal) known.state = 'unknown'
  return null
}
