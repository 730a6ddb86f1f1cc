import type { Command, Output, RunningCommand } from './command.ts'
import type { BrokerAddress } from './polymq.ts'
import type { ToolName, ToolPaths } from './tools.ts'

/** What a case has to work with. All that it starts is ended when it ends. */
export interface CaseContext {
  readonly broker: BrokerAddress
  readonly tools: ToolPaths
  /** Runs it to its end; rejects if it ends with another code than the command expects. */
  readonly run: (command: Command) => Promise<Output>
  /** Starts it and goes on. */
  readonly start: (command: Command) => RunningCommand
  /** A name that no other case uses, of this run or another. */
  readonly unique: (what: string) => string
}

export interface Case {
  /** A sentence of behaviour. */
  readonly name: string
  readonly deadlineMs?: number
  readonly run: (context: CaseContext) => Promise<void>
}

/** Cases that share a broker, which starts for them and is alone theirs. */
export interface Suite {
  readonly name: string
  /** Other people's software, without which none of the cases can run. */
  readonly needs: readonly ToolName[]
  /** Beyond the ports. */
  readonly brokerArgs?: readonly string[]
  /** Whether it also makes sense against the original (see polymq.ts). */
  readonly oursOnly?: boolean
  readonly cases: readonly Case[]
}

/** Cases that nobody can run here yet, and why. */
export interface Absent {
  readonly name: string
  readonly count: number
  readonly why: string
}
