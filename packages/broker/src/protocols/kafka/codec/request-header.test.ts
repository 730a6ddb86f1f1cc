import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DecodeError, Reader } from '../../../base/reader.ts'
import { Writer } from '../../../base/writer.ts'
import { ApiKey, apiRanges, findApi, isServed } from './api-keys.ts'
import {
  RequestHeader,
  decodeResponseHeader,
  encodeRequestHeader,
  encodeResponseHeader,
  responseHeaderBytes,
} from './request-header.ts'

test('a header comes back from its bytes as it was, with and without a client id', () => {
  const header = new RequestHeader()
  for (const clientId of ['rdkafka', '', null, 'rdkafka', 'é']) {
    for (const apiVersion of [11, 12]) {
      const writer = new Writer()
      encodeRequestHeader({ apiKey: ApiKey.Fetch, apiVersion, correlationId: 7, clientId }, writer)
      const reader = new Reader(writer.written())
      header.decode(reader)
      assert.deepEqual({ ...header }, { apiKey: 1, apiVersion, correlationId: 7, clientId })
      assert.equal(reader.remaining, 0)
    }
  }
})

test('a flexible header keeps the classic client id and skips the tags behind it', () => {
  const bytes = Buffer.from('0012000300000001000161' + '01' + '05' + '02' + 'ffff' + '99', 'hex')
  const reader = new Reader(bytes)
  const header = new RequestHeader().decode(reader)
  assert.equal(header.clientId, 'a')
  assert.equal(reader.remaining, 1)
})

test('a header of an unknown api is read as far as all versions agree', () => {
  const header = new RequestHeader().decode(new Reader(Buffer.from('03e7000100000001ffff', 'hex')))
  assert.equal(header.apiKey, 999)
  assert.equal(header.clientId, null)
})

test('a header cut short anywhere is a decode error', () => {
  const bytes = Buffer.from('001200030000000100016100', 'hex')
  for (let end = 0; end < bytes.length; end++) {
    assert.throws(() => new RequestHeader().decode(new Reader(bytes, 0, end)), DecodeError)
  }
  const negative = Buffer.from('0012000300000001fffe00', 'hex')
  assert.throws(() => new RequestHeader().decode(new Reader(negative)), DecodeError)
})

test('an answer has a tag buffer in flexible versions, except to ApiVersions', () => {
  for (const { key, versionMin, versionMax, flexibleFrom } of apiRanges) {
    for (let apiVersion = versionMin; apiVersion <= versionMax; apiVersion++) {
      const writer = new Writer()
      encodeResponseHeader({ apiKey: key, apiVersion, correlationId: -5 }, writer)
      const tagged = apiVersion >= flexibleFrom && key !== ApiKey.ApiVersions
      assert.equal(writer.position, tagged ? 5 : 4)
      assert.equal(responseHeaderBytes(key, apiVersion), writer.position)
      const reader = new Reader(writer.written())
      assert.equal(decodeResponseHeader(key, apiVersion, reader), -5)
      assert.equal(reader.remaining, 0)
    }
  }
})

test('ranges are found by key, sorted, and end where they say', () => {
  const keys = apiRanges.map((api) => api.key)
  assert.deepEqual(
    keys,
    keys.toSorted((left, right) => left - right),
  )
  assert.equal(findApi(ApiKey.Metadata)?.name, 'Metadata')
  for (const key of [-1, 4, 37, 1_000, 32_767]) assert.equal(findApi(key), null)
  assert.equal(isServed(ApiKey.Produce, 2), false)
  assert.equal(isServed(ApiKey.Produce, 3), true)
  assert.equal(isServed(ApiKey.Produce, 12), false)
  assert.equal(isServed(4, 0), false)
})
