import { parseArgs } from 'node:util'
import { phases, type Phase } from './broker-child.ts'

export interface TortureOptions {
  /** Rounds of load and `kill -9`; 0: none. */
  readonly kills: number
  /** Power-cut states; 0: none. */
  readonly powerCuts: number
  readonly seed: number
  /** The longest load of a round. */
  readonly seconds: number
  readonly phase: Phase | null
  readonly perSecond: number
  /** No data directory and no kill: clients are cut, the broker is not. */
  readonly isInMemory: boolean
  /** No Kafka clients. */
  readonly isAmqpOnly: boolean
  readonly keepsCopies: boolean
  readonly keepsAll: boolean
}

export const tortureHelp: string = `npm run torture -- --kill 30 [options]
npm run torture -- --power 100000 [--seed N]

  --kill N        rounds of load and kill -9, five on one data directory
  --power N       power-cut states of recorded runs on the faulty disk
  --seed N        the same choices as in that run (default: new ones)
  --seconds N     load before a kill, at the longest (default 5)
  --phase NAME    kill in this phase: ${phases.join(', ')}
  --rate N        messages and records a second that are tried (default 2000)
  --memory        without a data directory: clients are cut, the broker is not killed
  --amqp          load over AMQP alone
  --copies        copy the data directory before each start
  --keep          keep data and histories of runs without a violation too
`

/** Returns the options, or in words what is wrong with them. */
export function readTortureOptions(
  args: readonly string[],
  newSeed: number,
): TortureOptions | string {
  try {
    return read(args, newSeed)
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  }
}

function read(args: readonly string[], newSeed: number): TortureOptions | string {
  const { values } = parseArgs({
    args: [...args],
    options: {
      kill: { type: 'string' },
      power: { type: 'string' },
      seed: { type: 'string' },
      seconds: { type: 'string' },
      phase: { type: 'string' },
      rate: { type: 'string' },
      memory: { type: 'boolean' },
      amqp: { type: 'boolean' },
      copies: { type: 'boolean' },
      keep: { type: 'boolean' },
      help: { type: 'boolean', short: 'h' },
    },
  })
  if (values.help === true) return tortureHelp
  const phase = phases.find((known) => known === values.phase) ?? null
  if (values.phase !== undefined && phase === null) {
    return `there is no phase ${values.phase}; the phases are ${phases.join(', ')}`
  }
  const isInMemory = values.memory === true
  const options = {
    kills: wholeNumber('--kill', values.kill, isInMemory ? 1 : 0),
    powerCuts: wholeNumber('--power', values.power, 0),
    seed: wholeNumber('--seed', values.seed, newSeed),
    seconds: wholeNumber('--seconds', values.seconds, 5),
    phase,
    perSecond: wholeNumber('--rate', values.rate, 2000),
    isInMemory,
    isAmqpOnly: values.amqp === true,
    keepsCopies: values.copies === true,
    keepsAll: values.keep === true,
  }
  return options.kills + options.powerCuts === 0 ? tortureHelp : options
}

function wholeNumber(name: string, text: string | undefined, standard: number): number {
  if (text === undefined) return standard
  if (/^\d{1,10}$/.test(text)) return Number(text)
  throw new Error(`${name} takes a whole number, not ${text}`)
}
