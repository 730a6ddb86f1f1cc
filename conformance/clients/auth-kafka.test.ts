/** Who may come in by Kafka and what they may then do, as a stock client meets it. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { Consumer } from '@platformatic/kafka'
import { Kafka, logLevel, type KafkaConfig, type SASLOptions } from 'kafkajs'
import { OpenBroker } from '../app/open-broker.ts'
import { eventually } from './support/eventually.ts'

const broker = new OpenBroker()
let port = 0
let portForStrangers = 0

before(async () => {
  port = await broker.listenKafka()
  portForStrangers = await broker.listenKafka({ remoteAddress: '203.0.113.7', loopback: false })
  await broker.addUser(
    { name: 'ann', password: 'secret' },
    { configure: '^ann-', write: '^(ann-|seen)', read: '^ann-' },
  )
  await broker.addUser({ name: 'outsider', password: 'secret' })
  const admin = clientOf(null).admin()
  await admin.connect()
  await admin.createTopics({ topics: [{ topic: 'others' }, { topic: 'seen' }] })
  await admin.disconnect()
})
after(() => broker.close())

function plain(login: string): SASLOptions {
  const [username = '', password = ''] = login.split(':')
  return { mechanism: 'plain', username, password }
}

/** Without a login it presents none, and is guest if it is let in. */
function clientOf(login: string | null, at: number = port): Kafka {
  const config: KafkaConfig = {
    brokers: [`127.0.0.1:${at}`],
    logLevel: logLevel.NOTHING,
    retry: { retries: 0 },
    connectionTimeout: 2000,
    requestTimeout: 2000,
  }
  return new Kafka(login === null ? config : { ...config, sasl: plain(login) })
}

/** How the client's error names it: `type code`, or the message where there is no code. */
async function refusalOf(what: Promise<unknown>): Promise<string> {
  const error = await what.then(
    () => assert.fail('it was let'),
    (reason: unknown) => reason as Error & { type?: string; code?: number; cause?: unknown },
  )
  const cause = (error.cause ?? error) as typeof error
  return cause.type === undefined ? error.message : `${cause.type} ${cause.code}`
}

async function connects(login: string | null, at: number = port): Promise<void> {
  const admin = clientOf(login, at).admin()
  try {
    await admin.connect()
    await admin.listTopics()
  } finally {
    await admin.disconnect()
  }
}

test('SASL PLAIN with a right password lets in, and so does no login at all from this machine', async () => {
  await connects('ann:secret')
  await connects(null)
})

test('a wrong password and an unknown user are refused in the same words, late', async () => {
  for (const login of ['ann:wrong', 'nobody:secret', 'outsider:secret']) {
    const startMs = performance.now()
    const refusal = await refusalOf(connects(login))
    assert.match(refusal, /Invalid username or password/, login)
    assert.ok(performance.now() - startMs >= 99, login)
  }
})

test('a client of another machine that presents no login gets nothing', async () => {
  await assert.rejects(connects(null, portForStrangers))
  const admin = clientOf(null, portForStrangers).admin()
  await assert.rejects(admin.connect().then(() => admin.createTopics({ topics: [{ topic: 'x' }] })))
  await admin.disconnect()
  const mine = clientOf(null).admin()
  await mine.connect()
  assert.ok(!(await mine.listTopics()).includes('x'))
  await mine.disconnect()
})

test('guest is refused from another machine, others are not', async () => {
  assert.match(await refusalOf(connects('guest:guest', portForStrangers)), /Invalid username/)
  await connects('ann:secret', portForStrangers)
})

test('only topics that one may do something with are listed', async () => {
  const admin = clientOf('ann:secret').admin()
  await admin.connect()
  await admin.createTopics({ topics: [{ topic: 'ann-listed' }] })
  const topics = await admin.listTopics()
  assert.ok(topics.includes('ann-listed') && topics.includes('seen'))
  assert.ok(!topics.includes('others'))
  await admin.disconnect()
})

test('producing to a topic outside of one’s patterns is refused with 29', async () => {
  const producer = clientOf('ann:secret').producer()
  await producer.connect()
  const sending = producer.send({ topic: 'others', messages: [{ value: 'x' }] })
  assert.equal(await refusalOf(sending), 'TOPIC_AUTHORIZATION_FAILED 29')
  const [sent] = await producer.send({ topic: 'ann-own', messages: [{ value: 'x' }] })
  assert.equal(sent?.errorCode, 0)
  await producer.disconnect()
})

test('a topic that one may write but not read is refused with 29 when read', async () => {
  const kafka = clientOf('ann:secret')
  const producer = kafka.producer()
  await producer.connect()
  await producer.send({ topic: 'seen', messages: [{ value: 'x' }] })
  await producer.disconnect()
  const admin = kafka.admin()
  await admin.connect()
  assert.equal(await refusalOf(admin.fetchTopicOffsets('seen')), 'TOPIC_AUTHORIZATION_FAILED 29')
  await admin.disconnect()
})

test('creating and deleting topics outside of one’s patterns is refused with 29', async () => {
  const admin = clientOf('ann:secret').admin()
  await admin.connect()
  const creating = admin.createTopics({ topics: [{ topic: 'mine' }] })
  const error = await creating.then(
    () => assert.fail('it was let'),
    (reason: unknown) => reason as { errors?: readonly { type?: string; code?: number }[] },
  )
  assert.equal(error.errors?.[0]?.type, 'TOPIC_AUTHORIZATION_FAILED')
  assert.equal(
    await refusalOf(admin.deleteTopics({ topics: ['others'] })),
    'TOPIC_AUTHORIZATION_FAILED 29',
  )
  await admin.disconnect()
})

test('joining a group outside of one’s patterns is refused with 30, within them it works', async () => {
  const kafka = clientOf('ann:secret')
  const admin = kafka.admin()
  await admin.connect()
  await admin.createTopics({ topics: [{ topic: 'ann-read' }] })
  await admin.disconnect()
  // kafkajs says only that it found no coordinator.
  const stranger = new Consumer({
    clientId: 'ann',
    groupId: 'others-group',
    bootstrapBrokers: [`127.0.0.1:${port}`],
    sasl: { mechanism: 'PLAIN', username: 'ann', password: 'secret' },
    retries: 0,
  })
  await assert.rejects(stranger.joinGroup({}), (error: { errors?: readonly object[] }) => {
    const [first = {}] = error.errors ?? []
    return 'apiCode' in first && first.apiCode === 30
  })
  await stranger.close(true)

  const own = kafka.consumer({ groupId: 'ann-group' })
  let joins = 0
  own.on(own.events.GROUP_JOIN, () => void joins++)
  await own.connect()
  await own.subscribe({ topic: 'ann-read' })
  await own.run({ eachMessage: async () => {} })
  await eventually('to be in the group', () => joins > 0)
  await own.disconnect()
})
