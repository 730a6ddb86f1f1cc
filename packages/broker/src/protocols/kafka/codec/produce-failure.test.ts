import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Reader } from '../../../base/reader.ts'
import { Writer } from '../../../base/writer.ts'
import { ApiKey } from './api-keys.ts'
import { decodeResponse } from './message-codec.ts'
import { failProduceAnswer } from './produce-failure.ts'
import { ProduceResponseWriter } from './produce.ts'

const STORAGE_ERROR = 56

const partition = {
  index: 3,
  errorCode: 0,
  baseOffset: 2 ** 40,
  logAppendTimeMs: 1_700_000_000_000,
  logStartOffset: 7,
  recordErrors: [],
  errorMessage: null,
}
const refused = {
  ...partition,
  index: 4,
  errorCode: 10,
  baseOffset: -1,
  recordErrors: [{ batchIndex: 0, batchIndexErrorMessage: 'why' }],
  errorMessage: 'too large',
}

for (const version of [3, 4, 5, 6, 7, 8, 9, 10, 11]) {
  test(`what was taken becomes an error in version ${version}, and nothing else changes`, () => {
    const writer = new Writer(64)
    const encoded = new ProduceResponseWriter(version, writer)
    writer.skip(9)
    encoded.start(2)
    for (const topic of ['a', 'topic']) {
      encoded.startTopic(topic, 3)
      for (const each of [partition, refused, { ...partition, index: 5 }]) encoded.partition(each)
      encoded.endTopic()
    }
    encoded.finish(0)
    const end = writer.position
    const decode = (): unknown =>
      decodeResponse(ApiKey.Produce, version, new Reader(writer.buffer, 9, end))
    const before = decode() as { responses: { partitionResponses: (typeof partition)[] }[] }
    failProduceAnswer(writer.buffer, { start: 9, end, version }, STORAGE_ERROR)
    for (const { partitionResponses } of before.responses) {
      for (const each of partitionResponses) {
        if (each.errorCode !== 0) continue
        Object.assign(each, { errorCode: STORAGE_ERROR, baseOffset: -1, logAppendTimeMs: -1 })
      }
    }
    assert.deepEqual(decode(), before)
  })
}
