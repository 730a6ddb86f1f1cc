/** kcat with SASL PLAIN, at a broker with a user of its own. */
import assert from 'node:assert/strict'
import type { Case, CaseContext, Suite } from '../case.ts'
import type { Command } from '../command.ts'
import { kcat } from './kcat-support.ts'

const NAME = 'app'
const PASSWORD = 'geheim:ü=1'

function loggedIn(
  context: CaseContext,
  args: readonly string[],
  more: Partial<Command> & { readonly password?: string; readonly mechanism?: string } = {},
): Command {
  const { password = PASSWORD, mechanism = 'PLAIN', ...rest } = more
  const settings = [
    'security.protocol=SASL_PLAINTEXT',
    `sasl.mechanisms=${mechanism}`,
    `sasl.username=${NAME}`,
    `sasl.password=${password}`,
  ]
  return kcat(context, [...settings.flatMap((setting) => ['-X', setting]), ...args], rest)
}

const cases: readonly Case[] = [
  {
    name: 'the right password produces and consumes',
    run: async (context) => {
      const topic = context.unique('login')
      await context.run(loggedIn(context, ['-P', '-t', topic], { input: 'hello\n' }))
      const { stdout } = await context.run(loggedIn(context, ['-C', '-q', '-e', '-t', topic]))
      assert.equal(stdout, 'hello\n')
    },
  },
  {
    name: 'a wrong password is refused as such',
    run: async (context) => {
      const wrong = { password: 'wrong', exits: 'failure' } as const
      const { stderr } = await context.run(loggedIn(context, ['-L', '-m', '3'], wrong))
      assert.match(stderr, /authentication fail/i)
    },
  },
  {
    name: 'a mechanism that is not offered is refused, and those that are are named',
    run: async (context) => {
      const other = { mechanism: 'SCRAM-SHA-256', exits: 'failure' } as const
      const { stderr } = await context.run(loggedIn(context, ['-L', '-m', '3'], other))
      assert.match(stderr, /PLAIN/)
    },
  },
]

export const kcatLogin: Suite = {
  name: 'kcat, login',
  needs: ['kcat'],
  brokerArgs: [`--user=${NAME}:${PASSWORD}`],
  oursOnly: true,
  cases,
}
