import assert from 'node:assert/strict'
import { test } from 'node:test'
import { commandTable } from './command-table.ts'
import { dataCommandError } from './data-commands.ts'

test('what is served is not called a command of a database', () => {
  for (const name of commandTable.keys()) assert.equal(dataCommandError(name), undefined, name)
})

test('what needs a database is told what to use instead', () => {
  assert.match(dataCommandError('lpush') ?? '', /^ERR 'lpush' needs a database, .* a queue of work/)
  assert.match(dataCommandError('xadd') ?? '', /a topic of Kafka/)
  assert.match(dataCommandError('evalsha') ?? '', /use a database$/)
  assert.equal(dataCommandError('nope'), undefined)
})
