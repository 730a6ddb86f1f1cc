/** kcat -G: balanced consumer groups. */
import assert from 'node:assert/strict'
import type { Case, CaseContext, Suite } from '../case.ts'
import type { RunningCommand } from '../command.ts'
import { createTopic, kcat, produce } from './kcat-support.ts'

const PARTITIONS = 4

function member(context: CaseContext, group: string, topic: string): RunningCommand {
  const settings = [
    'session.timeout.ms=6000',
    'heartbeat.interval.ms=300',
    'auto.offset.reset=earliest',
  ]
  const options = settings.flatMap((setting) => ['-X', setting])
  return context.start(kcat(context, ['-G', group, '-u', '-f', '%p:%s\n', ...options, topic]))
}

/** What the member said last about its partitions. */
function partitionsOf({ stderr }: RunningCommand): readonly number[] {
  const [last = ''] = stderr
    .split('\n')
    .filter((line) => /: assigned: /.test(line))
    .slice(-1)
  return [...last.matchAll(/\[(\d+)\]/g)].map(([, partition]) => Number(partition))
}

function isShared(members: readonly RunningCommand[]): boolean {
  const dealt = members.map(partitionsOf)
  return dealt.every((each) => each.length > 0) && dealt.flat().length === PARTITIONS
}

/** Each of the members must say something new before it is so. */
async function untilShared(members: readonly RunningCommand[]): Promise<void> {
  while (!isShared(members)) {
    const seen = members.map(({ stderr }) => stderr.length)
    await Promise.race(
      members.map((each, index) =>
        each.until(
          'the partitions were shared',
          ({ stderr }) => stderr.length > (seen[index] ?? 0),
        ),
      ),
    )
  }
}

function linesOf({ stdout }: RunningCommand): readonly string[] {
  return stdout.split('\n').slice(0, -1)
}

const cases: readonly Case[] = [
  {
    name: 'two members share the partitions; when one leaves the other has all, and nothing is lost',
    deadlineMs: 40_000,
    run: async (context) => {
      const topic = await createTopic(context, PARTITIONS)
      const group = context.unique('group')
      const one = member(context, group, topic)
      await one.until('it has all partitions', (seen) => partitionsOf(seen).length === PARTITIONS)
      const two = member(context, group, topic)
      await untilShared([one, two])
      assert.deepEqual(
        [one, two].map((each) => partitionsOf(each).length),
        [2, 2],
      )
      for (let partition = 0; partition < PARTITIONS; partition++) {
        await produce(context, topic, [`first ${partition}`], ['-p', String(partition)])
      }
      const isRead = ({ stdout }: RunningCommand): boolean => stdout.split('\n').length > 2
      await Promise.all([one, two].map((each) => each.until('its two records came', isRead)))
      two.signal('SIGTERM')
      assert.equal((await two.ended).code, 0)
      await one.until('it has all again', (seen) => partitionsOf(seen).length === PARTITIONS)
      for (let partition = 0; partition < PARTITIONS; partition++) {
        await produce(context, topic, [`second ${partition}`], ['-p', String(partition)])
      }
      await one.until('six records came', (seen) => linesOf(seen).length >= 6)
      one.signal('SIGTERM')
      await one.ended
      const expected = ['first', 'second'].flatMap((word) =>
        [0, 1, 2, 3].map((partition) => `${partition}:${word} ${partition}`),
      )
      assert.deepEqual([...linesOf(one), ...linesOf(two)].sort(), expected.sort())
    },
  },
  {
    name: 'the partitions of a member that is killed go to the other after its session',
    deadlineMs: 40_000,
    run: async (context) => {
      const topic = await createTopic(context, PARTITIONS)
      const group = context.unique('group')
      const [one, two] = [member(context, group, topic), member(context, group, topic)]
      await untilShared([one, two])
      two.signal('SIGKILL')
      await one.until('it has all', (seen) => partitionsOf(seen).length === PARTITIONS)
      await produce(context, topic, ['still read'], ['-p', '3'])
      await one.until('the record came', (seen) => linesOf(seen).includes('3:still read'))
    },
  },
  {
    name: 'a group goes on where it stopped',
    deadlineMs: 30_000,
    run: async (context) => {
      const topic = await createTopic(context, 1)
      const group = context.unique('group')
      const read = async (): Promise<string> => {
        const options = ['-G', group, '-q', '-e', '-X', 'auto.offset.reset=earliest', topic]
        return (await context.run(kcat(context, options))).stdout
      }
      await produce(context, topic, ['a', 'b'])
      assert.equal(await read(), 'a\nb\n')
      await produce(context, topic, ['c'])
      assert.equal(await read(), 'c\n')
      assert.equal(await read(), '')
    },
  },
]

export const kcatGroups: Suite = { name: 'kcat, groups', needs: ['kcat'], cases }
