import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { ApiKey } from '../../packages/broker/src/protocols/kafka/codec/api-keys.ts'
import { KafkaError } from '../../packages/broker/src/protocols/kafka/errors.ts'
import { startKafkaBroker, uniqueTopic, type KafkaBroker } from '../clients/support/kafka-broker.ts'
import { WireClient } from './wire-client.ts'

let broker: KafkaBroker

before(async () => {
  broker = await startKafkaBroker({ users: [{ name: 'ann', password: 'secret' }] })
})
after(() => broker.close())

function token(text: string): Buffer {
  const frame = Buffer.alloc(4 + text.length)
  frame.writeInt32BE(text.length)
  frame.write(text, 4)
  return frame
}

async function seesTopics(client: WireClient): Promise<boolean> {
  const topics = [{ name: uniqueTopic('login'), topicId: Buffer.alloc(16) }]
  const answer = await client.request(ApiKey.Metadata, 9, { topics, allowAutoTopicCreation: true })
  return answer.topics[0]?.errorCode === KafkaError.NONE
}

test('without a login a client of this machine acts as guest', async () => {
  const client = await WireClient.connect(broker)
  assert.ok(await seesTopics(client))
  client.destroy()
})

test('SASL PLAIN in SaslAuthenticate requests', async () => {
  const client = await WireClient.connect(broker)
  const shaken = await client.request(ApiKey.SaslHandshake, 1, { mechanism: 'PLAIN' })
  assert.deepEqual([shaken.errorCode, shaken.mechanisms], [KafkaError.NONE, ['PLAIN']])
  const authBytes = Buffer.from('\0ann\0secret')
  const answer = await client.request(ApiKey.SaslAuthenticate, 2, { authBytes })
  assert.equal(answer.errorCode, KafkaError.NONE)
  assert.ok(await seesTopics(client))
  client.destroy()
})

test('SASL PLAIN in bare tokens, after SaslHandshake 0', async () => {
  const client = await WireClient.connect(broker)
  await client.request(ApiKey.SaslHandshake, 0, { mechanism: 'PLAIN' })
  client.send(token('\0ann\0secret'))
  assert.equal((await client.frame()).length, 0)
  assert.ok(await seesTopics(client))
  client.destroy()
})

test('a wrong password is told so, late, and the connection closed', async () => {
  const client = await WireClient.connect(broker)
  await client.request(ApiKey.SaslHandshake, 1, { mechanism: 'PLAIN' })
  const startMs = performance.now()
  const authBytes = Buffer.from('\0ann\0wrong')
  const answer = await client.request(ApiKey.SaslAuthenticate, 2, { authBytes })
  assert.equal(answer.errorCode, KafkaError.SASL_AUTHENTICATION_FAILED)
  assert.ok(performance.now() - startMs >= 99)
  await client.closed()
})

test('an unknown user and a token that is none get the same answer', async () => {
  for (const text of ['\0nobody\0secret', 'no zeros']) {
    const client = await WireClient.connect(broker)
    await client.request(ApiKey.SaslHandshake, 1, { mechanism: 'PLAIN' })
    const authBytes = Buffer.from(text)
    const answer = await client.request(ApiKey.SaslAuthenticate, 1, { authBytes })
    assert.equal(answer.errorCode, KafkaError.SASL_AUTHENTICATION_FAILED)
    assert.match(answer.errorMessage ?? '', /Invalid username or password/)
    await client.closed()
  }
})

test('a wrong bare token closes the connection without a word', async () => {
  const client = await WireClient.connect(broker)
  await client.request(ApiKey.SaslHandshake, 0, { mechanism: 'PLAIN' })
  client.send(token('\0ann\0wrong'))
  await client.closed()
  assert.equal(client.frames.length, 0)
})

test('another mechanism is refused with the list of those served, and the connection closed', async () => {
  const client = await WireClient.connect(broker)
  const answer = await client.request(ApiKey.SaslHandshake, 1, { mechanism: 'GSSAPI' })
  assert.equal(answer.errorCode, KafkaError.UNSUPPORTED_SASL_MECHANISM)
  assert.deepEqual(answer.mechanisms, ['PLAIN'])
  await client.closed()
})

test('a request in the middle of a login closes the connection', async () => {
  const client = await WireClient.connect(broker)
  await client.request(ApiKey.SaslHandshake, 1, { mechanism: 'PLAIN' })
  client.post(ApiKey.Metadata, 9, { topics: null })
  await client.closed()
  assert.equal(client.frames.length, 0)
})

test('SaslAuthenticate without SaslHandshake is ILLEGAL_SASL_STATE and closes the connection', async () => {
  const client = await WireClient.connect(broker)
  const authBytes = Buffer.from('\0ann\0secret')
  const answer = await client.request(ApiKey.SaslAuthenticate, 1, { authBytes })
  assert.equal(answer.errorCode, KafkaError.ILLEGAL_SASL_STATE)
  await client.closed()
})

test('requests sent behind SaslAuthenticate wait for its outcome', async () => {
  const client = await WireClient.connect(broker)
  await client.request(ApiKey.SaslHandshake, 1, { mechanism: 'PLAIN' })
  const login = client.post(ApiKey.SaslAuthenticate, 1, { authBytes: Buffer.from('\0ann\0secret') })
  const metadata = client.post(ApiKey.Metadata, 9, { topics: [] })
  const { errorCode } = await client.answer(ApiKey.SaslAuthenticate, 1, login)
  assert.equal(errorCode, KafkaError.NONE)
  await client.answer(ApiKey.Metadata, 9, metadata)
  client.destroy()
})

test('ApiVersions is answered before a login', async () => {
  const client = await WireClient.connect(broker)
  await client.request(ApiKey.SaslHandshake, 1, { mechanism: 'PLAIN' })
  const answer = await client.request(ApiKey.ApiVersions, 0, {})
  assert.equal(answer.errorCode, KafkaError.NONE)
  client.destroy()
})
