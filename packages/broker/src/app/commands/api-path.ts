import { argumentOf, vhostOf, type ParsedCommand } from './command.ts'

/** The path of a call of the table with its parts filled in, from the arguments and from `--vhost`. */
export function fillPath(path: string, parsed: ParsedCommand): string {
  return path.replace(/\{(\w+)\}/g, (_, name: string) => {
    if (name === 'vhost' && !parsed.arguments.has('VHOST'))
      return encodeURIComponent(vhostOf(parsed))
    const text = argumentOf(parsed, name.toUpperCase())
    // The default exchange has an empty name, which no path can have.
    return encodeURIComponent(name === 'exchange' && text === '' ? 'amq.default' : text)
  })
}
