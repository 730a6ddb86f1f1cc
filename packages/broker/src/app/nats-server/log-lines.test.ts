import assert from 'node:assert/strict'
import { test } from 'node:test'
import { LogLines } from './log-lines.ts'

function lines(options: { readonly debug?: boolean; readonly time?: boolean } = {}): {
  readonly log: LogLines
  readonly written: string[]
} {
  const written: string[] = []
  const now = (): Date => new Date(2026, 0, 2, 3, 4, 5, 67)
  const write = (line: string): number => written.push(line)
  const { debug = false, time = true } = options
  return { log: new LogLines({ write, now, pid: 812, debug, time }), written }
}

test('a line has process, time of this place, and level', () => {
  const { log, written } = lines()
  log.info('Server is ready')
  log.child({ sub: 'nats', conn: 3 }).warn('slow', { bytes: 9 })
  log.fatal('no port')
  log.debug('not asked for')
  assert.deepEqual(written, [
    '[812] 2026/01/02 03:04:05.067000 [INF] Server is ready\n',
    '[812] 2026/01/02 03:04:05.067000 [WRN] nats: slow conn=3 bytes=9\n',
    '[812] 2026/01/02 03:04:05.067000 [FTL] no port\n',
  ])
})

test('without a time, and with what is for debugging', () => {
  const { log, written } = lines({ debug: true, time: false })
  log.debug('x')
  log.error('y')
  assert.deepEqual(written, ['[812] [DBG] x\n', '[812] [ERR] y\n'])
})

test('what a client has sent makes no line of its own', () => {
  const { log, written } = lines({ time: false })
  log.info('it said a\n[812] [INF] b', { name: 'c\u001b[2J' })
  assert.deepEqual(written, ['[812] [INF] it said a\\n[812] [INF] b name=c\\u001b[2J\n'])
})
