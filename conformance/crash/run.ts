/**
 * One run: a broker on a fresh data directory, load on it, and a kill after the other; then the load
 * ends, everything is read, and what the processes wrote down is checked. The broker is killed once
 * more after that: what had been settled must stay so.
 */
import fs from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import {
  BrokerChild,
  freePort,
  polymqCommand,
  type BrokerCommand,
  type Phase,
} from './broker-child.ts'
import { checkAll, type CheckOptions } from './checkers/all.ts'
import type { Violation } from './checkers/violation.ts'
import { crossed } from './crossed-topology.ts'
import { historyFile, readHistory, type History } from './history/history.ts'
import { planKills, type Kill } from './kill-plan.ts'
import { loadProcesses, LoadChildren } from './load-children.ts'
import { messageOf } from './load/amqp-link.ts'
import { drain } from './load/drain.ts'
import { declareFeed } from './load/feeds.ts'
import { crosses, Load, type BrokerAddress, type LoadConfig } from './load/load.ts'
import { setUp } from './load/setup.ts'
import { randomFor } from './seeds.ts'

export interface RunOptions {
  readonly seed: number
  /** For the data directory and the histories. */
  readonly directory: string
  readonly rounds: number
  readonly loadMsMin: number
  readonly loadMsMax: number
  readonly phase: Phase | null
  readonly perSecond: number
  readonly cutsPerMinute: number
  readonly bytesMax: number
  /** Nothing is kept: then there must be no rounds. */
  readonly isInMemory: boolean
  /** No Kafka clients. */
  readonly isAmqpOnly: boolean
  readonly brokerArgs: readonly string[]
  /** Of the journal's ring, instead of what is standard: a small ring is cut all the time. */
  readonly slotBytes: number | null
  /** Copies the data directory before each start. */
  readonly keepsCopies: boolean
  readonly checks: CheckOptions
  /** Another broker than ours, to check the checkers. */
  readonly command?: BrokerCommand
}

export interface RunResult {
  readonly history: History
  readonly violations: readonly Violation[]
  /** Rounds whose phase did not show up. */
  readonly missedPhases: number
}

/** Load after the last start, so that clients come back and go on. */
const AFTERMATH_MS = 500
/** A recovery that has not begun by then shows no sign of it. */
const RECOVERY_PHASE_MS = 1000

export async function runOnce(options: RunOptions): Promise<RunResult> {
  const run = new Run(options, await commandOf(options))
  try {
    await run.play()
  } finally {
    await run.end()
  }
  const history = readHistory(options.directory)
  const violations = checkAll(history, options.checks)
  return { history, violations, missedPhases: run.missedPhases }
}

async function commandOf(options: RunOptions): Promise<BrokerCommand> {
  if (options.command !== undefined) return options.command
  // Of others that run at once, the same seed must not find the same port.
  const random = randomFor(process.pid, 'ports')
  const address = {
    host: '127.0.0.1',
    amqpPort: await freePort(random),
    kafkaPort: await freePort(random),
    managementPort: await freePort(random),
  }
  const data = options.isInMemory ? null : join(options.directory, 'data')
  const { brokerArgs: args, slotBytes } = options
  return polymqCommand(address, { data, args, slotBytes })
}

class Run {
  missedPhases: number = 0
  readonly #options: RunOptions
  readonly #command: BrokerCommand
  readonly #originNs: string = String(process.hrtime.bigint())
  /** The part of the load that this process plays itself: beginning, end, and what happens to the broker. */
  readonly #load: Load
  #broker: BrokerChild | null = null
  #children: LoadChildren | null = null

  constructor(options: RunOptions, command: BrokerCommand) {
    this.#options = options
    this.#command = command
    this.#load = new Load(this.#loadConfig({ name: 'run', roles: [] }, command.address))
  }

  /** What breaks it off is in the history, beside what the broker said. */
  async play(): Promise<void> {
    try {
      await this.#play()
    } catch (error) {
      this.#load.fault(messageOf(error))
    }
    if (this.#broker !== null) this.#keepWords(this.#broker)
  }

  async #play(): Promise<void> {
    if (!(await this.#start(0))) return
    await setUp(this.#load)
    const configs = loadProcesses.map((each) => this.#loadConfig(each, this.#command.address))
    this.#children = await LoadChildren.start(configs)
    const isAlive = await this.#killAll()
    if (this.#options.rounds === 0) await this.#loadInMemory()
    else if (isAlive) await delay(AFTERMATH_MS)
    await this.#stopLoad()
    if (!isAlive) return
    await drain(this.#load)
    if (!this.#options.isInMemory) await this.#killAfterDrain()
    await this.#stopBroker()
  }

  /** Whatever is still there. */
  async end(): Promise<void> {
    this.#children?.kill()
    await this.#broker?.kill()
    this.#load.closeHistory()
  }

  async #loadInMemory(): Promise<void> {
    await delay(this.#options.loadMsMax)
    await this.#declareLateFeed()
  }

  /** It has thousands of records to catch up with. */
  async #declareLateFeed(): Promise<void> {
    if (!crosses(this.#load.config)) return
    await declareFeed(this.#load, crossed.lateFeed).catch((error: unknown) =>
      this.#load.fault(messageOf(error)),
    )
  }

  /** False when the broker did not come back. */
  async #killAll(): Promise<boolean> {
    const kills = planKills(randomFor(this.#options.seed, 'kills'), this.#options)
    for (const [index, kill] of kills.entries()) {
      if (!(await this.#playRound(index + 1, kill))) return false
    }
    return true
  }

  async #playRound(round: number, kill: Kill): Promise<boolean> {
    const moment = await this.#moment(kill)
    if (round === Math.ceil(this.#options.rounds / 2)) {
      await this.#declareLateFeed()
      await delay(kill.intoPhaseMs)
    }
    await this.#crash(round, moment)
    if (kill.phase === 'recovery') {
      this.#spawn()
      await this.#crash(round, await this.#momentOfRecovery(kill))
    } else if (kill.again !== null) {
      const { since, afterMs } = kill.again
      if (since === 'started') this.#spawn()
      else if (!(await this.#start(round))) return false
      await delay(afterMs)
      await this.#crash(
        round,
        `again ${afterMs} ms after it ${since === 'ready' ? 'was ready' : 'started'}`,
      )
    }
    return this.#start(round)
  }

  async #momentOfRecovery({ intoPhaseMs }: Kill): Promise<string> {
    if (await this.#broker?.reached('recovery', RECOVERY_PHASE_MS)) {
      await delay(intoPhaseMs)
      return 'again in recovery'
    }
    this.missedPhases += 1
    return `again after ${RECOVERY_PHASE_MS} ms, no recovery`
  }

  /** Waits for it; resolves with its name. */
  async #moment({ afterMs, phase, intoPhaseMs }: Kill): Promise<string> {
    const broker = this.#broker
    const leastMs = this.#options.loadMsMin / 2
    if (phase === null || phase === 'recovery' || broker === null) {
      await Promise.race([delay(afterMs), broker?.ended])
      return `at ${(afterMs / 1000).toFixed(2)} s`
    }
    await Promise.race([delay(leastMs), broker.ended])
    if (await broker.reached(phase, afterMs - leastMs)) {
      await delay(intoPhaseMs)
      return `in ${phase}`
    }
    this.missedPhases += 1
    return `at ${(afterMs / 1000).toFixed(2)} s, no ${phase}`
  }

  async #crash(round: number, moment: string): Promise<void> {
    const broker = this.#broker
    if (broker === null) return
    if (broker.isEnded)
      this.#load.fault(`the broker ended by ${await broker.ended}\n${broker.output}`)
    const event = { f: 'crash', round, moment } as const
    this.#load.log('invoke', event)
    await broker.kill()
    this.#load.log('ok', event)
    this.#keepWords(broker)
    if (this.#options.keepsCopies) this.#copyData(round)
  }

  #copyData(round: number): void {
    const { directory } = this.#options
    const copy = join(directory, `data-after-kill-${round}`)
    fs.rmSync(copy, { recursive: true, force: true })
    fs.cpSync(join(directory, 'data'), copy, { recursive: true })
  }

  #spawn(): void {
    this.#broker = new BrokerChild(this.#command)
  }

  async #start(round: number): Promise<boolean> {
    this.#load.log('invoke', { f: 'recover', round })
    this.#spawn()
    try {
      const ms = await this.#broker?.ready()
      this.#load.log('ok', { f: 'recover', round, ...(ms === undefined ? {} : { ms }) })
      return true
    } catch (error) {
      this.#load.log('fail', { f: 'recover', round, err: String(error) })
      return false
    }
  }

  async #stopLoad(): Promise<void> {
    const faults = (await this.#children?.stop()) ?? []
    for (const fault of faults) this.#load.fault(fault)
    this.#children = null
  }

  /** By then every ack is older than the window. */
  async #killAfterDrain(): Promise<void> {
    await delay(this.#options.checks.ackWindowMs * 1.1)
    const round = this.#options.rounds + 1
    await this.#crash(round, 'after everything was settled')
    if (await this.#start(round)) await drain(this.#load)
  }

  async #stopBroker(): Promise<void> {
    const broker = this.#broker
    if (broker === null || broker.isEnded) return
    const how = await broker.stop()
    if (how !== 'code 0') this.#load.fault(`told to stop, the broker ended by ${how}`)
  }

  /** What it said goes beside the histories; its errors are faults. */
  #keepWords(broker: BrokerChild): void {
    for (const line of broker.errors.splice(0)) this.#load.fault(line, 'broker')
    fs.appendFileSync(join(this.#options.directory, 'broker.log'), `${broker.output}\n---\n`)
    broker.output = ''
  }

  #loadConfig(
    { name, roles }: Pick<LoadConfig, 'name' | 'roles'>,
    address: BrokerAddress,
  ): LoadConfig {
    const { directory, seed, perSecond, cutsPerMinute, bytesMax, isAmqpOnly } = this.#options
    const { host, amqpPort, kafkaPort, managementPort } = address
    const hasKafka = kafkaPort !== undefined && !isAmqpOnly
    const hasCrossing = hasKafka && managementPort !== undefined
    const ports = {
      host,
      amqpPort,
      ...(hasKafka ? { kafkaPort } : {}),
      ...(hasCrossing ? { managementPort } : {}),
    }
    const historyPath = historyFile(directory, name)
    const load = { perSecond, cutsPerMinute, bytesMax, originNs: this.#originNs, historyPath }
    return { ...ports, ...load, name, roles, seed, isStored: !this.#options.isInMemory }
  }
}
