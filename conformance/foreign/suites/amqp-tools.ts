/** rabbitmq-c's command-line tools, Debian's package amqp-tools. */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import type { Case, CaseContext, Suite } from '../case.ts'
import type { Command } from '../command.ts'

type Program = 'declare-queue' | 'delete-queue' | 'publish' | 'get' | 'consume'

/** `amqp-publish …` with the broker's URL. */
function tool(
  { tools, broker }: CaseContext,
  program: Program,
  args: readonly string[],
  more: Partial<Command> = {},
): Command {
  const file = join(tools['amqp-tools'], `amqp-${program}`)
  return { file, args: [`--url=${broker.amqpUrl}`, ...args], ...more }
}

const cases: readonly Case[] = [
  {
    name: 'a queue is declared, filled, read and deleted',
    run: async (context) => {
      const { run, unique } = context
      const queue = unique('tools')
      const declared = await run(tool(context, 'declare-queue', ['-q', queue, '-d']))
      assert.equal(declared.stdout, `${queue}\n`)
      for (const body of ['first', 'second', 'третье']) {
        await run(tool(context, 'publish', ['-r', queue, '-p', '-b', body]))
      }
      for (const body of ['first', 'second']) {
        assert.equal((await run(tool(context, 'get', ['-q', queue]))).stdout, body)
      }
      const deleted = await run(tool(context, 'delete-queue', ['-q', queue]))
      assert.equal(deleted.stdout, '1\n')
    },
  },
  {
    name: 'amqp-get on an empty queue ends with 2, and on a missing one with an error',
    run: async (context) => {
      const queue = context.unique('tools')
      await context.run(tool(context, 'declare-queue', ['-q', queue]))
      await context.run(tool(context, 'get', ['-q', queue], { exits: 2 }))
      await context.run(tool(context, 'delete-queue', ['-q', queue]))
      const { stderr } = await context.run(
        tool(context, 'get', ['-q', queue], { exits: 'failure' }),
      )
      assert.match(stderr, /404.*NOT_FOUND/s)
    },
  },
  {
    name: 'a queue without a name gets one from the broker',
    run: async (context) => {
      const { stdout } = await context.run(tool(context, 'declare-queue', ['-q', '']))
      assert.match(stdout, /^amq\.gen-\S+\n$/)
      await context.run(tool(context, 'delete-queue', ['-q', stdout.trim()]))
    },
  },
  {
    name: 'amqp-publish makes a message of each line, with type, headers and reply-to',
    run: async (context) => {
      const queue = context.unique('tools')
      await context.run(tool(context, 'declare-queue', ['-q', queue]))
      const options = ['-C', 'text/plain', '-H', 'colour: red', '-t', 'answers', '-l']
      const input = 'one\ntwo\nthree\n'
      await context.run(tool(context, 'publish', ['-r', queue, ...options], { input }))
      const { stdout } = await context.run(
        tool(context, 'consume', ['-q', queue, '-c', '3', 'cat']),
      )
      assert.deepEqual(stdout.match(/one|two|three/g), ['one', 'two', 'three'])
      await context.run(tool(context, 'delete-queue', ['-q', queue, '--if-empty', '--if-unused']))
    },
  },
  {
    name: 'a body from standard input of a megabyte crosses whole',
    run: async (context) => {
      const queue = context.unique('tools')
      await context.run(tool(context, 'declare-queue', ['-q', queue]))
      const input = '0123456789abcdef'.repeat(65_536)
      await context.run(tool(context, 'publish', ['-r', queue], { input }))
      const { stdout } = await context.run(tool(context, 'get', ['-q', queue]))
      assert.equal(stdout === input, true, `${stdout.length} characters came of ${input.length}`)
      await context.run(tool(context, 'delete-queue', ['-q', queue]))
    },
  },
  {
    name: 'amqp-consume binds a queue of its own to an exchange',
    run: async (context) => {
      const key = context.unique('key')
      const options = ['-e', 'amq.topic', '-r', `${key}.#`, '-x', '-c', '2']
      const consumer = context.start(tool(context, 'consume', [...options, 'cat']))
      // It says so once it consumes, if only on standard error.
      await consumer.until('it consumes', ({ stderr }) => stderr.includes('queue name'))
      await published(context, `${key}.a`, 'hello ')
      await published(context, `other.${key}`, 'nobody ')
      await published(context, key, 'world')
      const { stdout, code } = await consumer.ended
      assert.equal(code, 0)
      assert.equal(stdout, 'hello world')
    },
  },
  {
    name: 'a message whose command fails is not acked and comes again',
    run: async (context) => {
      const queue = context.unique('tools')
      await context.run(tool(context, 'declare-queue', ['-q', queue]))
      await context.run(tool(context, 'publish', ['-r', queue, '-b', 'task']))
      const consumer = context.start(
        tool(context, 'consume', ['-q', queue, '--', 'sh', '-c', 'echo got; exit 1']),
      )
      await consumer.until('the message came', ({ stdout }) => stdout.includes('got'))
      consumer.signal('SIGKILL')
      await consumer.ended
      const { stdout } = await context.run(
        tool(context, 'consume', ['-q', queue, '-c', '1', 'cat']),
      )
      assert.equal(stdout, 'task')
      const deleted = await context.run(tool(context, 'delete-queue', ['-q', queue]))
      assert.equal(deleted.stdout, '0\n')
    },
  },
  {
    name: 'a queue that is not empty is not deleted if the caller says so',
    run: async (context) => {
      const queue = context.unique('tools')
      await context.run(tool(context, 'declare-queue', ['-q', queue]))
      await context.run(tool(context, 'publish', ['-r', queue, '-b', 'x']))
      const refused = await context.run(
        tool(context, 'delete-queue', ['-q', queue, '-e'], { exits: 'failure' }),
      )
      assert.match(refused.stderr, /406.*PRECONDITION_FAILED/s)
      await context.run(tool(context, 'delete-queue', ['-q', queue]))
    },
  },
  {
    name: 'a wrong password is refused',
    run: async (context) => {
      const { broker, run, tools } = context
      const { stderr } = await run({
        file: join(tools['amqp-tools'], 'amqp-declare-queue'),
        args: [`--url=${broker.amqpUrl.replace('guest:guest', 'guest:wrong')}`, '-q', 'x'],
        exits: 'failure',
      })
      assert.match(stderr, /403.*ACCESS_REFUSED/s)
    },
  },
]

async function published(context: CaseContext, key: string, body: string): Promise<void> {
  await context.run(tool(context, 'publish', ['-e', 'amq.topic', '-r', key, '-b', body]))
}

export const amqpTools: Suite = { name: 'amqp-tools', needs: ['amqp-tools'], cases }
