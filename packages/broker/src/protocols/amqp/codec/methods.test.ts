import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DecodeError, Reader } from '../../../base/reader.ts'
import { Writer } from '../../../base/writer.ts'
import * as basic from './basic-methods.ts'
import * as channel from './channel-methods.ts'
import * as client from './client-methods.ts'
import * as connection from './connection-methods.ts'
import { emptyProperties } from './content-header.ts'
import * as exchange from './exchange-methods.ts'
import * as queue from './queue-methods.ts'
import { MalformedUtf8 } from './primitives.ts'
import { tableFrom } from './table-values.ts'

/**
 * Payloads of method frames, as recorded between RabbitMQ 3.10.8, pika 1.2.0 (Python) and
 * librabbitmq 0.11.0 (C). What neither of these sends is spelt by hand and says so.
 */
const none = new Map()

interface Received {
  readonly name: string
  readonly hex: string
  readonly read: (reader: Reader) => unknown
  readonly expected: unknown
}

const received: readonly Received[] = [
  {
    name: 'connection.start-ok of pika',
    hex:
      '000a000b000000fe0770726f64756374530000001a50696b6120507974686f6e20436c69656e74204c69627261' +
      '727908706c6174666f726d530000000d507974686f6e20332e31312e320c6361706162696c6974696573460000' +
      '006f1c61757468656e7469636174696f6e5f6661696c7572655f636c6f736574010a62617369632e6e61636b74' +
      '0112636f6e6e656374696f6e2e626c6f636b6564740116636f6e73756d65725f63616e63656c5f6e6f74696679' +
      '7401127075626c69736865725f636f6e6669726d7374010b696e666f726d6174696f6e53000000185365652068' +
      '7474703a2f2f70696b612e727466642e6f72670776657273696f6e5300000005312e322e3005504c41494e0000' +
      '000c00677565737400677565737405656e5f5553',
    read: connection.readConnectionStartOk,
    expected: {
      clientProperties: tableFrom({
        product: 'Pika Python Client Library',
        platform: 'Python 3.11.2',
        capabilities: {
          authentication_failure_close: true,
          'basic.nack': true,
          'connection.blocked': true,
          consumer_cancel_notify: true,
          publisher_confirms: true,
        },
        information: 'See http://pika.rtfd.org',
        version: '1.2.0',
      }),
      mechanism: 'PLAIN',
      response: Buffer.from('\0guest\0guest'),
      locale: 'en_US',
    },
  },
  {
    name: 'connection.secure-ok (by hand)',
    hex: '000a00150000000378797a',
    read: connection.readConnectionSecureOk,
    expected: { response: Buffer.from('xyz') },
  },
  {
    name: 'connection.tune-ok',
    hex: '000a001f07ff00020000003c',
    read: connection.readConnectionTuneOk,
    expected: { channelMax: 2047, frameBytesMax: 131072, heartbeatSeconds: 60 },
  },
  {
    name: 'connection.open',
    hex: '000a0028012f0001',
    read: connection.readConnectionOpen,
    expected: { virtualHost: '/' },
  },
  {
    name: 'connection.close',
    hex: '000a003200c80f4e6f726d616c2073687574646f776e00000000',
    read: connection.readClose,
    expected: { replyCode: 200, replyText: 'Normal shutdown', classId: 0, methodId: 0 },
  },
  {
    name: 'connection.update-secret (by hand)',
    hex: '000a004600000003616263017a',
    read: connection.readConnectionUpdateSecret,
    expected: { newSecret: Buffer.from('abc'), reason: 'z' },
  },
  {
    name: 'channel.open',
    hex: '0014000a00',
    read: channel.readChannelOpen,
    expected: undefined,
  },
  {
    name: 'channel.flow',
    hex: '0014001401',
    read: channel.readChannelFlow,
    expected: { active: true },
  },
  {
    name: 'channel.close',
    hex: '0014002800000f4e6f726d616c2073687574646f776e00000000',
    read: connection.readClose,
    expected: { replyCode: 0, replyText: 'Normal shutdown', classId: 0, methodId: 0 },
  },
  {
    name: 'channel.close-ok',
    hex: '00140029',
    read: channel.readNoArguments,
    expected: undefined,
  },
  {
    name: 'access.request (by hand)',
    hex: '001e000a052f646174611e',
    read: channel.readAccessRequest,
    expected: { realm: '/data' },
  },
  {
    name: 'exchange.declare',
    hex:
      '0028000a000002677805746f706963060000002212616c7465726e6174652d65786368616e6765530000000a61' +
      '6d712e66616e6f7574',
    read: exchange.readExchangeDeclare,
    expected: {
      exchange: 'gx',
      type: 'topic',
      passive: false,
      durable: true,
      autoDelete: true,
      internal: false,
      noWait: false,
      arguments: tableFrom({ 'alternate-exchange': 'amq.fanout' }),
    },
  },
  {
    name: 'exchange.declare, passive',
    hex: '0028000a0000026778066469726563740100000000',
    read: exchange.readExchangeDeclare,
    expected: {
      exchange: 'gx',
      type: 'direct',
      passive: true,
      durable: false,
      autoDelete: false,
      internal: false,
      noWait: false,
      arguments: none,
    },
  },
  {
    name: 'exchange.delete',
    hex: '00280014000002677901',
    read: exchange.readExchangeDelete,
    expected: { exchange: 'gy', ifUnused: true, noWait: false },
  },
  {
    name: 'exchange.bind',
    hex: '0028001e0000026779026778016b0000000008017a530000000179',
    read: exchange.readExchangeBind,
    expected: {
      destination: 'gy',
      source: 'gx',
      routingKey: 'k',
      noWait: false,
      arguments: tableFrom({ z: 'y' }),
    },
  },
  {
    name: 'exchange.unbind',
    hex: '002800280000026779026778016b0000000008017a530000000179',
    read: exchange.readExchangeUnbind,
    expected: {
      destination: 'gy',
      source: 'gx',
      routingKey: 'k',
      noWait: false,
      arguments: tableFrom({ z: 'y' }),
    },
  },
  {
    name: 'queue.declare',
    hex:
      '0032000a000002677102000000430c782d6d61782d6c656e677468490000000a0a782d6f766572666c6f775300' +
      '00000e72656a6563742d7075626c6973680d782d6d6573736167652d74746c490000ea60',
    read: queue.readQueueDeclare,
    expected: {
      queue: 'gq',
      passive: false,
      durable: true,
      exclusive: false,
      autoDelete: false,
      noWait: false,
      arguments: tableFrom({
        'x-max-length': 10,
        'x-overflow': 'reject-publish',
        'x-message-ttl': 60000,
      }),
    },
  },
  {
    name: 'queue.declare of a server-named exclusive queue',
    hex: '0032000a0000000c00000000',
    read: queue.readQueueDeclare,
    expected: {
      queue: '',
      passive: false,
      durable: false,
      exclusive: true,
      autoDelete: true,
      noWait: false,
      arguments: none,
    },
  },
  {
    name: 'queue.bind',
    hex: '00320014000002677102677805612e2a2e230000000007016b4900000001',
    read: queue.readQueueBind,
    expected: {
      queue: 'gq',
      exchange: 'gx',
      routingKey: 'a.*.#',
      noWait: false,
      arguments: tableFrom({ k: 1 }),
    },
  },
  {
    name: 'queue.unbind',
    hex: '00320032000002677102677805612e2a2e2300000007016b4900000001',
    read: queue.readQueueUnbind,
    expected: {
      queue: 'gq',
      exchange: 'gx',
      routingKey: 'a.*.#',
      arguments: tableFrom({ k: 1 }),
    },
  },
  {
    name: 'queue.purge',
    hex: '0032001e00001e616d712e67656e2d31447a6d7279567656576e677669764156535152637700',
    read: queue.readQueuePurge,
    expected: { queue: 'amq.gen-1DzmryVvVWngvivAVSQRcw', noWait: false },
  },
  {
    name: 'queue.delete',
    hex: '0032002800000466756c6c03',
    read: queue.readQueueDelete,
    expected: { queue: 'full', ifUnused: true, ifEmpty: true, noWait: false },
  },
  {
    name: 'basic.qos',
    hex: '003c000a00000000006401',
    read: basic.readBasicQos,
    expected: { prefetchBytes: 0, prefetchCount: 100, global: true },
  },
  {
    name: 'basic.consume',
    hex: '003c0014000002677106637461672d3104000000100a782d7072696f726974794900000005',
    read: basic.readBasicConsume,
    expected: {
      queue: 'gq',
      consumerTag: 'ctag-1',
      noLocal: false,
      noAck: false,
      exclusive: true,
      noWait: false,
      arguments: tableFrom({ 'x-priority': 5 }),
    },
  },
  {
    name: 'basic.cancel',
    hex: '003c001e06637461672d3100',
    read: basic.readBasicCancel,
    expected: { consumerTag: 'ctag-1', noWait: false },
  },
  {
    name: 'basic.cancel-ok (by hand)',
    hex: '003c001f06637461672d31',
    read: basic.readBasicCancelOk,
    expected: 'ctag-1',
  },
  {
    name: 'basic.publish',
    hex: '003c0028000000076e6f776865726501',
    read: basic.readBasicPublish,
    expected: { exchange: '', routingKey: 'nowhere', mandatory: true, immediate: false },
  },
  {
    name: 'basic.get',
    hex: '003c0046000002677101',
    read: basic.readBasicGet,
    expected: { queue: 'gq', noAck: true },
  },
  {
    name: 'basic.ack',
    hex: '003c0050000000000000000100',
    read: basic.readBasicAck,
    expected: { deliveryTag: 1, multiple: false },
  },
  {
    name: 'basic.nack',
    hex: '003c0078000000000000000401',
    read: basic.readBasicNack,
    expected: { deliveryTag: 4, multiple: true, requeue: false },
  },
  {
    name: 'basic.reject',
    hex: '003c005a000000000000000201',
    read: basic.readBasicReject,
    expected: { deliveryTag: 2, requeue: true },
  },
  {
    name: 'basic.recover',
    hex: '003c006e01',
    read: basic.readBasicRecover,
    expected: { requeue: true },
  },
  {
    name: 'confirm.select',
    hex: '0055000a00',
    read: channel.readConfirmSelect,
    expected: { noWait: false },
  },
  { name: 'tx.select', hex: '005a000a', read: channel.readNoArguments, expected: undefined },
]

/** A reader after class and method id, as the session hands it to a decoder. */
function argumentsOf(payload: Buffer): Reader {
  return new Reader(payload, 4)
}

for (const { name, hex, read, expected } of received) {
  test(`${name} is read as the client meant it`, () => {
    assert.deepEqual(read(argumentsOf(Buffer.from(hex, 'hex'))), expected)
  })

  test(`${name} cut short or with a byte too many is a DecodeError`, () => {
    const whole = Buffer.from(hex, 'hex')
    for (let end = 4; end < whole.length; end += 1) {
      assert.throws(() => read(new Reader(whole, 4, end)), DecodeError, `cut at ${end}`)
    }
    assert.throws(() => read(argumentsOf(Buffer.concat([whole, Buffer.of(0)]))), DecodeError)
  })
}

const tune = { channelMax: 2047, frameBytesMax: 131072, heartbeatSeconds: 60 }

const sent: readonly (readonly [string, string, (writer: Writer) => void])[] = [
  ['connection.tune', '000a001e07ff00020000003c', (w) => connection.writeConnectionTune(w, tune)],
  ['connection.open-ok', '000a002900', connection.writeConnectionOpenOk],
  ['connection.close-ok', '000a0033', connection.writeConnectionCloseOk],
  [
    'connection.blocked',
    '000a003c0d6c6f77206f6e206d656d6f7279',
    (w) => connection.writeConnectionBlocked(w, 'low on memory'),
  ],
  ['connection.unblocked', '000a003d', connection.writeConnectionUnblocked],
  ['connection.update-secret-ok', '000a0047', connection.writeConnectionUpdateSecretOk],
  ['channel.open-ok', '0014000b00000000', channel.writeChannelOpenOk],
  ['channel.flow-ok', '0014001501', (w) => channel.writeChannelFlowOk(w, { active: true })],
  [
    'channel.close',
    '001400280194264e4f545f464f554e44202d206e6f20717565756520277a7a2720696e2076686f737420272f27' +
      '0032000a',
    (w) =>
      channel.writeChannelClose(w, {
        replyCode: 404,
        replyText: "NOT_FOUND - no queue 'zz' in vhost '/'",
        classId: 50,
        methodId: 10,
      }),
  ],
  ['channel.close-ok', '00140029', channel.writeChannelCloseOk],
  ['access.request-ok', '001e000b0001', channel.writeAccessRequestOk],
  ['exchange.declare-ok', '0028000b', exchange.writeExchangeDeclareOk],
  ['exchange.delete-ok', '00280015', exchange.writeExchangeDeleteOk],
  ['exchange.bind-ok', '0028001f', exchange.writeExchangeBindOk],
  ['exchange.unbind-ok', '00280033', exchange.writeExchangeUnbindOk],
  [
    'queue.declare-ok',
    '0032000b0267710000000000000000',
    (w) => queue.writeQueueDeclareOk(w, { queue: 'gq', messageCount: 0, consumerCount: 0 }),
  ],
  ['queue.bind-ok', '00320015', queue.writeQueueBindOk],
  ['queue.unbind-ok', '00320033', queue.writeQueueUnbindOk],
  ['queue.purge-ok', '0032001f00000000', (w) => queue.writeQueuePurgeOk(w, 0)],
  ['queue.delete-ok', '0032002900000000', (w) => queue.writeQueueDeleteOk(w, 0)],
  ['basic.qos-ok', '003c000b', basic.writeBasicQosOk],
  ['basic.consume-ok', '003c001506637461672d31', (w) => basic.writeBasicConsumeOk(w, 'ctag-1')],
  [
    'basic.cancel',
    '003c001e2663746167312e316661616633633432383063346662353938613438346339663864303237616601',
    (w) => basic.writeBasicCancel(w, 'ctag1.1faaf3c4280c4fb598a484c9f8d027af'),
  ],
  ['basic.cancel-ok', '003c001f06637461672d31', (w) => basic.writeBasicCancelOk(w, 'ctag-1')],
  [
    'basic.return',
    '003c00320138084e4f5f524f55544500076e6f7768657265',
    (w) =>
      basic.writeBasicReturn(w, {
        replyCode: 312,
        replyText: 'NO_ROUTE',
        exchange: '',
        routingKey: 'nowhere',
      }),
  ],
  [
    'basic.get-ok',
    '003c00470000000000000003010002677100000002',
    (w) =>
      basic.writeBasicGetOk(w, {
        deliveryTag: 3,
        redelivered: true,
        exchange: '',
        routingKey: 'gq',
        messageCount: 2,
      }),
  ],
  ['basic.get-empty', '003c004800', basic.writeBasicGetEmpty],
  ['basic.recover-ok', '003c006f', basic.writeBasicRecoverOk],
  [
    'basic.ack',
    '003c0050000000000000000100',
    (w) => basic.writeBasicAck(w, { deliveryTag: 1, multiple: false }),
  ],
  [
    'basic.nack',
    '003c0078000000000000000203',
    (w) => basic.writeBasicNack(w, { deliveryTag: 2, multiple: true }),
  ],
  ['confirm.select-ok', '0055000b', channel.writeConfirmSelectOk],
  ['tx.select-ok', '005a000b', channel.writeTxSelectOk],
  ['tx.commit-ok', '005a0015', channel.writeTxCommitOk],
  ['tx.rollback-ok', '005a001f', channel.writeTxRollbackOk],
]

for (const [name, hex, write] of sent) {
  test(`${name} is written as RabbitMQ writes it`, () => {
    const writer = new Writer(1)
    write(writer)
    assert.equal(writer.written().toString('hex'), hex)
  })
}

test('connection.start is read back by the client side', () => {
  const start = {
    serverProperties: tableFrom({ product: 'PolyMQ', capabilities: { publisher_confirms: true } }),
    mechanisms: 'PLAIN AMQPLAIN',
    locales: 'en_US',
  }
  const writer = new Writer()
  connection.writeConnectionStart(writer, start)
  assert.deepEqual(client.readConnectionStart(argumentsOf(writer.written())), start)
})

test('a published message is the same bytes as from pika', () => {
  const writer = new Writer(1)
  client.sendBasicPublish(writer, 1, {
    exchange: '',
    routingKey: 'gq',
    mandatory: false,
    immediate: false,
    properties: { ...emptyProperties(), deliveryMode: 2 },
    body: Buffer.from('a'),
    frameBytesMax: 131072,
  })
  assert.equal(
    writer.written().toString('hex'),
    '0100010000000b003c002800000002677100ce' +
      '0200010000000f003c00000000000000000001100002ce' +
      '0300010000000161ce',
  )
})

test('a frame that has not arrived whole leaves the reader where it was', () => {
  const writer = new Writer()
  client.sendChannelOpen(writer, 7)
  const whole = Buffer.from(writer.written())
  for (let end = 0; end < whole.length; end += 1) {
    const reader = new Reader(whole, 0, end)
    assert.equal(client.readFrame(reader), null)
    assert.equal(reader.position, 0)
  }
  const frame = client.readFrame(new Reader(whole))
  assert.deepEqual(frame, { type: 1, channel: 7, payload: Buffer.from('0014000a00', 'hex') })
})

test('CR and LF are stripped from names and from nothing else', () => {
  const payload = Buffer.from('00320014000004710d0a7803780a7903610a620000000000', 'hex')
  assert.deepEqual(queue.readQueueBind(argumentsOf(payload)), {
    queue: 'qx',
    exchange: 'xy',
    routingKey: 'a\nb',
    noWait: false,
    arguments: none,
  })
})

test('malformed UTF-8 is told apart from other undecodable arguments', () => {
  const payload = Buffer.from('0032001e000002c32800', 'hex')
  assert.throws(() => queue.readQueuePurge(argumentsOf(payload)), MalformedUtf8)
})

test('malformed UTF-8 in a published routing key is let through, as in RabbitMQ', () => {
  const payload = Buffer.from('003c002800000001ff00', 'hex')
  assert.equal(basic.readBasicPublish(argumentsOf(payload)).routingKey, '\ufffd')
})

test('a delivery tag beyond 2^53 is a tag that nobody knows, not a DecodeError', () => {
  const payload = Buffer.from('003c0050ffffffffffffffff00', 'hex')
  assert.ok(basic.readBasicAck(argumentsOf(payload)).deliveryTag > Number.MAX_SAFE_INTEGER)
})

test('a reply text over 255 bytes ends in dots, between characters', () => {
  const writer = new Writer()
  const replyText = `x${'é'.repeat(200)}`
  channel.writeChannelClose(writer, { replyCode: 403, replyText, classId: 0, methodId: 0 })
  const close = connection.readClose(argumentsOf(writer.written()))
  assert.equal(close.replyText, `x${'é'.repeat(125)}...`)
})
