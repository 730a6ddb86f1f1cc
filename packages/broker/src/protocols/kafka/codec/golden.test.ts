import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Reader } from '../../../base/reader.ts'
import { Writer } from '../../../base/writer.ts'
import { ApiKey, findApi } from './api-keys.ts'
import { FetchRequestTable } from './fetch.ts'
import { decodeRequest, encodeRequest } from './message-codec.ts'
import { NameCache } from './name-cache.ts'
import { ProduceRequestCursor } from './produce.ts'
import { RequestHeader, encodeRequestHeader } from './request-header.ts'
import { goldenRequests } from './testing/golden-requests.ts'

for (const { client, request, hex } of goldenRequests) {
  test(`${request} of ${client} is read to its end and written back as it came`, () => {
    const frame = Buffer.from(hex, 'hex')
    const reader = new Reader(frame)
    const { apiKey, apiVersion, correlationId, clientId } = new RequestHeader().decode(reader)
    const key = findApi(apiKey)?.key
    assert.ok(key !== undefined)
    assert.equal(`${findApi(apiKey)?.name} v${apiVersion}`, request)
    const body = decodeRequest(key, apiVersion, reader)
    assert.equal(reader.remaining, 0)

    const writer = new Writer(1024)
    encodeRequestHeader({ apiKey: key, apiVersion, correlationId, clientId }, writer)
    encodeRequest(key, apiVersion, body, writer)
    assert.equal(writer.written().toString('hex'), hex)
  })
}

test('what kcat says of itself is read from its ApiVersions request', () => {
  const { header, reader } = open('kcat', 'ApiVersions v3')
  assert.equal(header.clientId, 'rdkafka')
  const body = decodeRequest(ApiKey.ApiVersions, 3, reader)
  assert.deepEqual(body, { clientSoftwareName: 'librdkafka', clientSoftwareVersion: '2.0.2' })
})

test('the only partition of each client is found by the Produce cursor', () => {
  for (const [client, request] of [
    ['kcat', 'Produce v7'],
    ['kafkajs', 'Produce v7'],
    ['platformatic', 'Produce v11'],
  ] as const) {
    const { header, reader } = open(client, request)
    const cursor = new ProduceRequestCursor(new NameCache()).decode(header.apiVersion, reader)
    assert.equal(cursor.acks, -1)
    assert.equal(cursor.next(), true)
    assert.equal(cursor.topic, 't')
    assert.equal(cursor.partitionIndex, 0)
    assert.equal(reader.buffer[cursor.recordsStart + 16], 2)
    assert.equal(cursor.next(), false)
  }
})

test('the topic id of a Fetch by id is found by the Fetch table', () => {
  const { header, reader } = open('platformatic', 'Fetch v17')
  const table = new FetchRequestTable(new NameCache()).decode(header.apiVersion, reader)
  assert.equal(table.partitionCount, 1)
  assert.equal(table.topicId(0).toString('hex'), '0102030405060708090a0b0c0d0e0f10')
})

function open(client: string, request: string): { header: RequestHeader; reader: Reader } {
  const golden = goldenRequests.find((each) => each.client === client && each.request === request)
  assert.ok(golden !== undefined)
  const reader = new Reader(Buffer.from(golden.hex, 'hex'))
  return { header: new RequestHeader().decode(reader), reader }
}
