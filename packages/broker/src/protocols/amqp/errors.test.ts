import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DecodeError } from '../../base/reader.ts'
import { ErrorCode } from '../../core/errors.ts'
import { MalformedUtf8 } from './codec/primitives.ts'
import { TableError } from './codec/field-table.ts'
import * as connection from './connection-errors.ts'
import * as errors from './errors.ts'
import type { AmqpError, Resource } from './errors.ts'

const queue: Resource = { kind: 'queue', name: 'q', virtualHost: '/' }
const none = { classId: 0, methodId: 0 }
const declare = { classId: 50, methodId: 10 }

/** As answered by RabbitMQ 3.10.8, but for the exchange type, as 4.x; names shortened. */
const channelErrors: readonly (readonly [AmqpError, number, string])[] = [
  [errors.noPreviouslyDeclaredQueue(), 404, 'NOT_FOUND - no previously declared queue'],
  [errors.unknownExchangeType('y'), 406, "PRECONDITION_FAILED - unknown exchange type 'y'"],
  [
    errors.defaultExchangeRefused(),
    403,
    'ACCESS_REFUSED - operation not permitted on the default exchange',
  ],
  [
    errors.invalidArgument({ argument: 'x-expires', resource: queue, reason: '{value_zero,0}' }),
    406,
    "PRECONDITION_FAILED - invalid arg 'x-expires' for queue 'q' in vhost '/': {value_zero,0}",
  ],
  [errors.unknownDeliveryTag(99), 406, 'PRECONDITION_FAILED - unknown delivery tag 99'],
  [
    errors.invalidExpiration({ expiration: 'abc', reason: 'no_integer' }),
    406,
    "PRECONDITION_FAILED - invalid expiration 'abc': no_integer",
  ],
  [
    errors.userIdMismatch({ userId: 'bob', user: 'guest' }),
    406,
    "PRECONDITION_FAILED - user_id property set to 'bob' but authenticated user was 'guest'",
  ],
]

const bytes = (...octets: number[]): Uint8Array => Uint8Array.from(octets)

const connectionErrors: readonly (readonly [AmqpError, number, string])[] = [
  [
    connection.loginRefused('PLAIN'),
    403,
    'ACCESS_REFUSED - Login was refused using authentication mechanism PLAIN. ' +
      'For details see the broker logfile.',
  ],
  [connection.consumerTagReused('t1'), 530, "NOT_ALLOWED - attempt to reuse consumer tag 't1'"],
  [connection.virtualHostNotFound('nope'), 530, 'NOT_ALLOWED - vhost nope not found'],
  [
    connection.virtualHostRefused({ virtualHost: '/', user: 'nov' }),
    530,
    "NOT_ALLOWED - access to vhost '/' refused for user 'nov'",
  ],
  [
    connection.negotiationRefused({ name: 'frame_max', value: 1000, bound: { min: 4096 } }),
    530,
    'NOT_ALLOWED - negotiated frame_max = 1000 is lower than the minimum allowed value (4096)',
  ],
  [
    connection.negotiationRefused({ name: 'channel_max', value: 0, bound: { max: 2047 } }),
    530,
    'NOT_ALLOWED - negotiated channel_max = 0 (no limit) is higher than the maximum allowed ' +
      'value (2047)',
  ],
  [connection.notImplemented('immediate=true'), 540, 'NOT_IMPLEMENTED - immediate=true'],
  [connection.unimplementedMethod(), 503, 'COMMAND_INVALID - unimplemented method'],
  [connection.secondChannelOpen(), 504, "CHANNEL_ERROR - second 'channel.open' seen"],
  [connection.channelNotOpen(), 504, "CHANNEL_ERROR - expected 'channel.open'"],
  [
    connection.unexpectedMethod('running'),
    504,
    'CHANNEL_ERROR - unexpected method in connection state running',
  ],
  [
    connection.invalidFrameEnd({ type: 1, payload: bytes(0, 90, 0, 10), marker: 0 }),
    501,
    'FRAME_ERROR - type 1, all octets = <<0,90,0,10>>: {invalid_frame_end_marker,0}',
  ],
  [
    connection.frameTooLarge({ type: 1, payloadBytes: 131073, payloadBytesMax: 131064 }),
    501,
    'FRAME_ERROR - type 1, all octets = <<>>: {frame_too_large,131073,131064}',
  ],
  [
    connection.unknownFrame({ type: 9, payload: bytes(0, 90, 0, 10) }),
    501,
    'FRAME_ERROR - type 9, all octets = <<0,90,0,10>>: unknown_frame',
  ],
  [
    connection.unexpectedFrame({ type: 3, payload: Buffer.from('abc') }),
    505,
    'UNEXPECTED_FRAME - type 3, all octets = <<"abc">>',
  ],
  [
    connection.expectedHeader(60),
    505,
    'UNEXPECTED_FRAME - expected content header for class 60, got non content header frame instead',
  ],
  [
    connection.headerOfWrongClass({ expected: 60, got: 50 }),
    505,
    'UNEXPECTED_FRAME - expected content header for class 60, got one for class 50 instead',
  ],
]

for (const [scope, table] of [
  ['channel', channelErrors],
  ['connection', connectionErrors],
] as const) {
  for (const [error, code, text] of table) {
    test(`${code} closes the ${scope}: ${text}`, () => {
      assert.equal(error.message, text)
      assert.equal(error.code, code)
      assert.equal(error.scope, scope)
    })
  }
}

test('every error of the core has a reply code, and its text goes to the peer', () => {
  const codes = Object.values(ErrorCode).map((code) => {
    const error = errors.amqpErrorFrom(code, 'why', declare)
    assert.equal(error.classId, 50)
    assert.equal(error.methodId, 10)
    return error.message
  })
  assert.deepEqual(codes, [
    'NOT_FOUND - why',
    'ACCESS_REFUSED - why',
    'RESOURCE_LOCKED - why',
    'PRECONDITION_FAILED - why',
    'PRECONDITION_FAILED - why',
    'NOT_ALLOWED - why',
    'NOT_IMPLEMENTED - why',
    'RESOURCE_ERROR - why',
    'FRAME_ERROR - Malformed UTF-8 in shortstr',
    'NOT_FOUND - why',
    'INTERNAL_ERROR - why',
    'INTERNAL_ERROR',
  ])
})

test('undecodable bytes are 502, malformed text 501', () => {
  const malformed = errors.undecodable(new MalformedUtf8('Malformed UTF-8 in shortstr'), none)
  assert.equal(malformed.message, 'FRAME_ERROR - Malformed UTF-8 in shortstr')
  assert.equal(errors.undecodable(new DecodeError('short'), declare).code, 502)
  assert.equal(errors.undecodable(new TableError('deep'), declare).message, 'SYNTAX_ERROR - deep')
  assert.equal(errors.undecodable(new TableError('deep'), declare).scope, 'connection')
})
