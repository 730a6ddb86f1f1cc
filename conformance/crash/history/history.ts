import fs from 'node:fs'
import { join } from 'node:path'
import { ConnectionLives } from './connection-lives.ts'
import type { HistoryEvent } from './event.ts'
import { publicationsOf, type Publications } from './publications.ts'

/** The events of all processes in the order of time, and what follows from them for every checker. */
export interface History {
  readonly events: readonly HistoryEvent[]
  readonly lives: ConnectionLives
  readonly publications: Publications
}

const HISTORY_FILE = /\.history\.jsonl$/

/** Name of the file of one process. */
export function historyFile(directory: string, proc: string): string {
  return join(directory, `${proc}.history.jsonl`)
}

/** Reads the histories that the processes of a run left in a directory. */
export function readHistory(directory: string): History {
  const names = fs.readdirSync(directory).filter((name) => HISTORY_FILE.test(name))
  return historyOf(names.sort().flatMap((name) => readEvents(join(directory, name))))
}

export function historyOf(events: readonly HistoryEvent[]): History {
  const sorted = events.toSorted((a, b) => a.t - b.t || compareProcesses(a, b) || a.i - b.i)
  const lives = new ConnectionLives(sorted)
  return { events: sorted, lives, publications: publicationsOf(sorted) }
}

function readEvents(path: string): HistoryEvent[] {
  const lines = fs.readFileSync(path, 'utf8').split('\n')
  return lines.filter((line) => line !== '').map((line) => JSON.parse(line) as HistoryEvent)
}

function compareProcesses(a: HistoryEvent, b: HistoryEvent): number {
  if (a.proc === b.proc) return 0
  return a.proc < b.proc ? -1 : 1
}
