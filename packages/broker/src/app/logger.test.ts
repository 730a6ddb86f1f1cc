import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Logger } from '../base/log.ts'
import { createLogger } from './logger.ts'
import type { LoggerOptions } from './logger.ts'

function recorder(options: Partial<LoggerOptions>): { log: Logger; lines: string[] } {
  const lines: string[] = []
  const log = createLogger({
    level: 'info',
    format: 'json',
    colour: false,
    now: () => new Date('2026-01-02T03:04:05.678Z'),
    write: (line) => lines.push(line),
    ...options,
  })
  return { log, lines }
}

test('a JSON line has time, level, room, message, then the fields', () => {
  const { log, lines } = recorder({})
  log.child({ sub: 'amqp', conn: 7 }).info('connection opened', { vhost: '/' })
  assert.deepEqual(lines, [
    '{"ts":"2026-01-02T03:04:05.678Z","level":"info","sub":"amqp","msg":"connection opened",' +
      '"conn":7,"vhost":"/"}\n',
  ])
})

test('a pretty line is short', () => {
  const { log, lines } = recorder({ format: 'pretty' })
  log.warn('blocked', { sub: 'amqp', conn: 7 })
  assert.deepEqual(lines, ['03:04:05.678 warn  amqp: blocked conn=7\n'])
})

test('lines under the level are not written', () => {
  const { log, lines } = recorder({ level: 'warn' })
  log.debug('a')
  log.info('b')
  log.warn('c')
  log.child({ conn: 1 }).error('d')
  assert.equal(lines.length, 2)
})

test('what a peer wrote can neither forge a line nor drive the terminal', () => {
  const forged = 'x\r\n03:04:05.678 error \u001b[31m\u009b2J\u202eevil'
  for (const format of ['json', 'pretty'] as const) {
    const { log, lines } = recorder({ format })
    log.info(forged, { name: forged })
    assert.equal(lines.length, 1)
    assert.doesNotMatch(lines[0]!.trimEnd(), /[\u0000-\u001f\u007f-\u009f\u202e]/)
  }
})

test('what a peer wrote is cut at 128 characters', () => {
  const { log, lines } = recorder({})
  log.info('m', { name: 'a'.repeat(100_000) })
  assert.ok(lines[0]!.includes(`"${'a'.repeat(128)}…"`))
})

test('a field cannot pass for one of the line’s own', () => {
  const { log, lines } = recorder({})
  log.info('true', { msg: 'false', level: 'error', ts: 'never' })
  assert.deepEqual(JSON.parse(lines[0]!), {
    ts: '2026-01-02T03:04:05.678Z',
    level: 'info',
    msg: 'true',
  })
})

test('a stack is printed whole and under its line', () => {
  const { log, lines } = recorder({ format: 'pretty' })
  log.error('failed', { stack: 'Error: x\n    at a\n    at b' })
  assert.deepEqual(lines, ['03:04:05.678 error failed\n    Error: x\n    at a\n    at b\n'])
})
