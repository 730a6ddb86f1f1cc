import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DecodeError, Reader } from '../../../base/reader.ts'
import { Writer } from '../../../base/writer.ts'
import { ApiKey, apiRanges } from './api-keys.ts'
import type { ApiRange } from './api-keys.ts'
import { decodeRequest, decodeResponse, encodeRequest, encodeResponse } from './message-codec.ts'
import { randomRequest, randomResponse } from './testing/random-message.ts'
import { randomBytes, randomInteger, seededRandom } from './testing/random.ts'

const seed = Number(process.env['POLYMQ_TEST_SEED'] ?? Date.now() % 2 ** 31)

for (const api of apiRanges) {
  test(`${api.name} comes back from its bytes as it was, in every version (seed ${seed})`, () => {
    eachVersion(api, (version) => {
      const random = seededRandom(seed + version)
      for (let round = 0; round < 20; round++) {
        const request = randomRequest(api.key, version, random)
        const requestBytes = write((writer) => encodeRequest(api.key, version, request, writer))
        const requestReader = new Reader(requestBytes)
        assert.deepEqual(decodeRequest(api.key, version, requestReader), request)
        assert.equal(requestReader.remaining, 0)

        const response = randomResponse(api.key, version, random)
        const responseBytes = write((writer) => encodeResponse(api.key, version, response, writer))
        const responseReader = new Reader(responseBytes)
        assert.deepEqual(decodeResponse(api.key, version, responseReader), response)
        assert.equal(responseReader.remaining, 0)
      }
    })
  })

  test(`${api.name} cut short anywhere is a decode error (seed ${seed})`, () => {
    eachVersion(api, (version) => {
      const request = randomRequest(api.key, version, seededRandom(seed + version))
      const bytes = write((writer) => encodeRequest(api.key, version, request, writer))
      for (let end = 0; end < bytes.length; end++) {
        assert.throws(
          () => decodeRequest(api.key, version, new Reader(bytes, 0, end)),
          DecodeError,
          `version ${version}, ${end} of ${bytes.length} bytes`,
        )
      }
    })
  })

  test(`${api.name} made of random bytes decodes or is a decode error (seed ${seed})`, () => {
    eachVersion(api, (version) => {
      const random = seededRandom(seed + version)
      for (let round = 0; round < 100; round++) {
        const bytes = randomBytes(random, randomInteger(random, 0, 200))
        if (round % 2 === 0) spoil(bytes, random)
        try {
          decodeRequest(api.key, version, new Reader(bytes))
        } catch (error) {
          if (!(error instanceof DecodeError)) throw error
        }
      }
    })
  })
}

test('an array longer than the bytes that are left is refused before it is allocated', () => {
  const bytes = Buffer.from([0x7f, 0xff, 0xff, 0xff, 0, 0])
  assert.throws(() => decodeRequest(ApiKey.Metadata, 0, new Reader(bytes)), DecodeError)
  const compact = Buffer.from([0xff, 0xff, 0xff, 0xff, 0x0f, 0, 0])
  assert.throws(() => decodeRequest(ApiKey.Metadata, 9, new Reader(compact)), DecodeError)
})

test('a message of more elements than memory should hold is refused', () => {
  const bytes = Buffer.alloc(4 + 2 * 1_000_001)
  bytes.writeInt32BE(1_000_001)
  assert.throws(() => decodeRequest(ApiKey.Metadata, 0, new Reader(bytes)), DecodeError)
})

test('null where none may be is a decode error, and where it may be is null', () => {
  const nullTopics = Buffer.from([0xff, 0xff, 0xff, 0xff])
  assert.throws(() => decodeRequest(ApiKey.Metadata, 0, new Reader(nullTopics)), DecodeError)
  assert.equal(decodeRequest(ApiKey.Metadata, 1, new Reader(nullTopics)).topics, null)
  const lessThanNull = Buffer.from([0xff, 0xff, 0xff, 0xfe])
  assert.throws(() => decodeRequest(ApiKey.Metadata, 1, new Reader(lessThanNull)), DecodeError)
})

test('unknown tags are skipped, known ones read, and bytes after the body ignored', () => {
  const body = write((writer) => {
    encodeRequest(ApiKey.Heartbeat, 4, { groupId: 'g', memberId: 'm' }, writer)
  })
  const tagged = Buffer.concat([body.subarray(0, -1), Buffer.from([1, 0x99, 0x01, 3, 7, 7, 7, 42])])
  const reader = new Reader(tagged)
  assert.equal(decodeRequest(ApiKey.Heartbeat, 4, reader).groupId, 'g')
  assert.equal(reader.remaining, 1)
})

test('a tag that reads past its own length is a decode error', () => {
  const body = write((writer) => encodeRequest(ApiKey.Fetch, 12, {}, writer))
  const spoilt = Buffer.concat([body.subarray(0, -1), Buffer.from([1, 0, 1, 9, 1, 1, 1, 1])])
  assert.throws(() => decodeRequest(ApiKey.Fetch, 12, new Reader(spoilt)), DecodeError)
})

test('a 64-bit number that a double cannot hold is a decode error', () => {
  const bytes = write((writer) => {
    encodeRequest(ApiKey.InitProducerId, 4, { transactionTimeoutMs: 1, producerId: 1 }, writer)
  })
  bytes.fill(0x7f, bytes.length - 11, bytes.length - 3)
  assert.throws(() => decodeRequest(ApiKey.InitProducerId, 4, new Reader(bytes)), DecodeError)
})

test('fields left out of a request are sent as their defaults', () => {
  const bytes = write((writer) => {
    encodeRequest(ApiKey.Fetch, 11, { topics: [] }, writer)
  })
  const request = decodeRequest(ApiKey.Fetch, 11, new Reader(bytes))
  assert.equal(request.replicaId, -1)
  assert.equal(request.maxBytes, 2 ** 31 - 1)
  assert.equal(request.rackId, '')
})

test('a version that is not served is a decode error', () => {
  assert.throws(() => decodeRequest(ApiKey.Produce, 2, new Reader(Buffer.alloc(8))), DecodeError)
  assert.throws(() => decodeRequest(ApiKey.Fetch, 18, new Reader(Buffer.alloc(8))), DecodeError)
})

function eachVersion(api: ApiRange, run: (version: number) => void): void {
  for (let version = api.versionMin; version <= api.versionMax; version++) run(version)
}

function write(fill: (writer: Writer) => void): Buffer {
  const writer = new Writer(1)
  fill(writer)
  return writer.written()
}

/** Small numbers among the random ones, so that decoding gets further than the first length. */
function spoil(bytes: Buffer, random: () => number): void {
  for (let index = 0; index < bytes.length; index++) {
    if (random() < 0.8) bytes[index] = randomInteger(random, 0, 3)
  }
}
