/**
 * What Kafka's quickstart does with its console tools, done with kcat: create a topic, write a few
 * events, read them, twice, and go on while more come.
 */
import assert from 'node:assert/strict'
import type { Case, Suite } from '../case.ts'
import { consume, createTopic, kcat, produce } from './kcat-support.ts'

const cases: readonly Case[] = [
  {
    name: 'events are written, and read from the beginning as often as one likes',
    run: async (context) => {
      const topic = await createTopic(context, 1)
      const { stdout } = await context.run(kcat(context, ['-L', '-t', topic]))
      assert.match(
        stdout,
        new RegExp(`topic "${topic}" with 1 partitions:\\n +partition 0, leader`),
      )
      await produce(context, topic, ['This is my first event', 'This is my second event'])
      const events = ['This is my first event', 'This is my second event']
      assert.deepEqual(await consume(context, topic, ['-o', 'beginning']), events)
      assert.deepEqual(await consume(context, topic, ['-o', 'beginning']), events)
    },
  },
  {
    name: 'what is written while somebody reads appears there at once',
    run: async (context) => {
      const topic = await createTopic(context, 1)
      const reader = context.start(kcat(context, ['-C', '-u', '-o', 'beginning', '-t', topic]))
      for (const line of ['one', 'two', 'three']) {
        await produce(context, topic, [line])
        await reader.until(`${line} appeared`, ({ stdout }) => stdout.endsWith(`${line}\n`))
      }
      reader.signal('SIGTERM')
      assert.equal((await reader.ended).stdout, 'one\ntwo\nthree\n')
    },
  },
]

export const quickstart: Suite = { name: 'quickstart of Kafka', needs: ['kcat'], cases }
