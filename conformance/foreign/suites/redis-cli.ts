/** Redis' own command line, Debian's package redis-tools. */
import assert from 'node:assert/strict'
import type { Case, CaseContext, Suite } from '../case.ts'
import type { Command } from '../command.ts'

function cli(
  { tools, broker }: CaseContext,
  args: readonly string[],
  more: Partial<Command> = {},
): Command {
  const [host = '', port = ''] = broker.redis.split(':')
  return { file: tools['redis-tools'], args: ['-h', host, '-p', port, ...args], ...more }
}

const cases: readonly Case[] = [
  {
    name: 'a subscriber prints what another one publishes',
    run: async (context) => {
      const channel = context.unique('channel')
      const subscriber = context.start(cli(context, ['SUBSCRIBE', channel]))
      await subscriber.until('it is subscribed', ({ stdout }) => stdout.includes('subscribe'))
      const { stdout } = await context.run(cli(context, ['PUBLISH', channel, 'hello world']))
      assert.equal(stdout, '1\n')
      await subscriber.until('the message came', ({ stdout: text }) => text.includes('hello world'))
    },
  },
  {
    name: 'RESP3 and a pattern',
    run: async (context) => {
      const channel = context.unique('channel')
      const subscriber = context.start(cli(context, ['-3', 'PSUBSCRIBE', `${channel}.[ab]*`]))
      await subscriber.until('it is subscribed', ({ stdout }) => stdout.includes('psubscribe'))
      await context.run(cli(context, ['-3', 'PUBLISH', `${channel}.c`, 'nobody']))
      await context.run(cli(context, ['-3', 'PUBLISH', `${channel}.b1`, 'somebody']))
      await subscriber.until('the message came', ({ stdout }) => stdout.includes('somebody'))
      assert.doesNotMatch(subscriber.stdout, /nobody/)
    },
  },
  {
    name: 'commands from standard input, as a person types them',
    run: async (context) => {
      const input = 'PING "a b"\nMULTI\nPUBLISH nobody x\nEXEC\nCLIENT GETNAME\nPUBSUB NUMPAT\n'
      const { stdout } = await context.run(cli(context, [], { input }))
      assert.match(stdout, /^a b\nOK\nQUEUED\n0\n\n\d+\n$/)
    },
  },
  {
    name: 'a megabyte arrives whole',
    run: async (context) => {
      const channel = context.unique('channel')
      const subscriber = context.start(cli(context, ['SUBSCRIBE', channel]))
      await subscriber.until('it is subscribed', ({ stdout }) => stdout.includes('subscribe'))
      const input = '0123456789abcdef'.repeat(65_536)
      await context.run(cli(context, ['-x', 'PUBLISH', channel], { input }))
      await subscriber.until('the message came', ({ stdout }) => stdout.includes(input))
    },
  },
]

export const redisCli: Suite = { name: 'redis-cli', needs: ['redis-tools'], cases }
