import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DecodeError } from '../../base/reader.ts'
import { Timestamp } from '../../core/arguments.ts'
import type { MessageView } from '../../core/message.ts'
import { natsMessageFormat } from './message-format.ts'

function headerBytes(reply: string, block: string): Buffer {
  return Buffer.concat([Buffer.from([Buffer.byteLength(reply)]), Buffer.from(reply + block)])
}

function viewOf(bytes: Buffer): MessageView {
  return natsMessageFormat.view(bytes, 0, bytes.length)
}

function textOf(view: MessageView): string {
  return natsMessageFormat.from(view).toString('latin1')
}

test('headers and the subject for answers are in the view', () => {
  const block =
    'NATS/1.0\r\nContent-Type: text/plain\r\ncorrelation-id: 7\r\ncolour: red\r\nsize: 1\r\nsize: 2\r\n\r\n'
  const view = viewOf(headerBytes('_INBOX.a.1', block))
  assert.deepEqual(view, {
    contentType: 'text/plain',
    correlationId: '7',
    replyTo: '_INBOX.a.1',
    headers: new Map<string, unknown>([
      ['colour', 'red'],
      ['size', ['1', '2']],
    ]),
  })
})

test('of nothing nothing is said, and a status is a header', () => {
  assert.deepEqual(viewOf(Buffer.alloc(1)), { headers: new Map() })
  assert.deepEqual(viewOf(Buffer.alloc(0)), { headers: new Map() })
  const { headers } = viewOf(headerBytes('', 'NATS/1.0 503 No One\r\n\r\n'))
  assert.deepEqual(
    [...headers],
    [
      ['Status', '503'],
      ['Description', 'No One'],
    ],
  )
})

test('a subject for answers that is cut off or none is unsound', () => {
  for (const bytes of [Buffer.from([5, 0x61]), headerBytes('a b', ''), headerBytes('a\r\n', '')]) {
    assert.throws(() => viewOf(bytes), DecodeError)
  }
})

test('a view becomes a block and a subject for answers', () => {
  const headers = new Map<string, never>([
    ['colour', 'red'],
    ['count', 7],
    ['when', new Timestamp(5)],
    ['size', ['1', '2']],
    ['x-record-key', 'k'],
  ] as never)
  const view = { contentType: 'text/plain', replyTo: 'answers.1', headers }
  assert.equal(
    textOf(view),
    '\x09answers.1NATS/1.0\r\nx-record-key: k\r\ncolour: red\r\ncount: 7\r\nwhen: 5\r\n' +
      'content-type: text/plain\r\nsize: 1\r\nsize: 2\r\n\r\n',
  )
  assert.equal(textOf({ headers: new Map() }), '\0')
})

test('a reply to that is no subject is a header', () => {
  assert.equal(
    textOf({ replyTo: 'my queue', headers: new Map() }),
    '\0NATS/1.0\r\nreply-to: my queue\r\n\r\n',
  )
})

test('what would break the block is left out, and counted', () => {
  const headers = new Map([
    ['a b', '1'],
    ['evil', 'x\r\ny: z'],
    ['fine', '1'],
  ])
  assert.equal(textOf({ headers }), '\0NATS/1.0\r\nfine: 1\r\nx-omitted-headers: 2\r\n\r\n')
})

test('a view that came from a block goes back to the same headers', () => {
  const block = 'NATS/1.0\r\nb: 2\r\na: 1\r\na: 3\r\n\r\n'
  assert.equal(textOf(viewOf(headerBytes('r', block))), `\x01r${block}`)
})
