"""What a message carries, and in what order messages come."""

import datetime
import decimal
import hashlib
import os

import pika

from harness import case, equal, main, patiently, unique
from pika_support import bodies, collect, connect, count_of, drop, get, pump

LARGE_BYTES = 5 * 1024 * 1024
NO_ACK_COUNT = 20_000


@case('a message of 5 MiB crosses in frames, in both directions, with small ones around it', deadline_s=30)
def large():
    queue = unique('large')
    with connect() as connection:
        channel = connection.channel()
        channel.queue_declare(queue)
        body = os.urandom(LARGE_BYTES)
        for each in (b'before', body, b'after'):
            channel.basic_publish('', queue, each)
        before, received, after = bodies(collect(channel, queue, 3, auto_ack=True))
        equal((before, after), (b'before', b'after'))
        equal(hashlib.sha256(received).hexdigest(), hashlib.sha256(body).hexdigest(), 'digest')


@case('a small frame_max splits bodies at its edge: one byte less, exact, one more')
def frame_edges():
    queue = unique('frames')
    with connect(frame_max=4096) as connection:
        channel = connection.channel()
        channel.queue_declare(queue)
        # A frame has seven bytes of head and one of end.
        sizes = [0, 1, 4087, 4088, 4089, 8176, 8177, 100_000]
        for size in sizes:
            channel.basic_publish('', queue, os.urandom(size))
        got = bodies(collect(channel, queue, len(sizes), auto_ack=True))
        equal([len(body) for body in got], sizes, 'sizes')


@case('all fourteen properties come as they were sent')
def properties():
    queue = unique('properties')
    with connect() as connection:
        channel = connection.channel()
        channel.queue_declare(queue)
        sent = pika.BasicProperties(
            content_type='application/json', content_encoding='utf-8', headers={'a': 'b'},
            delivery_mode=2, priority=7, correlation_id='c1', reply_to='r', expiration='60000',
            message_id='m1', timestamp=1700000000, type='order.created', user_id='guest',
            app_id='app', cluster_id='cluster',
        )
        channel.basic_publish('', queue, b'{}', sent)
        channel.basic_publish('', queue, b'')
        (_, received, _), (_, bare, body) = collect(channel, queue, 2, auto_ack=True)
        equal(received, sent, 'properties')
        equal((bare, body), (pika.BasicProperties(), b''), 'no properties')


@case('headers of every type that pika knows come as they were sent')
def header_types():
    queue = unique('header-types')
    with connect() as connection:
        channel = connection.channel()
        channel.queue_declare(queue)
        headers = {
            'text': 'Grüße', 'empty': '', 'bytes': bytes(range(256)), 'true': True, 'false': False,
            'small': 1, 'negative': -1, 'int': 2**31 - 1, 'long': 2**40,
            'decimal': decimal.Decimal('3.14'), 'none': None,
            'when': datetime.datetime(2026, 11, 22, 12, 0, 0),
            'list': [1, 'two', None, [3, {'deep': True}]],
            'table': {'nested': {'x': 1}, 'ключ': 'значение'}, 'long text': 'x' * 20_000,
        }
        channel.basic_publish('', queue, b'', pika.BasicProperties(headers=headers))
        ((_, received, _),) = collect(channel, queue, 1, auto_ack=True)
        for name, value in headers.items():
            equal(received.headers.pop(name, 'missing'), value, name)
        equal(received.headers, {}, 'headers beyond those sent')


@case('a headers exchange matches all, or any, of what a binding names')
def headers_exchange():
    exchange = unique('headers')
    with connect() as connection:
        channel = connection.channel()
        channel.exchange_declare(exchange, 'headers')
        bindings = {
            'all': {'x-match': 'all', 'format': 'pdf', 'pages': 2},
            'any': {'x-match': 'any', 'format': 'pdf', 'pages': 2},
            'by default all': {'format': 'pdf', 'pages': 2},
            'present': {'x-match': 'all', 'format': None},
        }
        queues = {}
        for name, arguments in bindings.items():
            queues[name] = channel.queue_declare('', exclusive=True).method.queue
            channel.queue_bind(queues[name], exchange, arguments=arguments)
        for body, headers in (
            ('both', {'format': 'pdf', 'pages': 2, 'more': 'is ignored'}),
            ('one', {'format': 'pdf', 'pages': 3}),
            ('other', {'format': 'zip'}),
            ('neither', {'pages': '2'}),
            ('bare', None),
        ):
            channel.basic_publish(exchange, 'any key', body, pika.BasicProperties(headers=headers))
        expected = {
            'all': [b'both'],
            'any': [b'both', b'one'],
            'by default all': [b'both'],
            'present': [b'both', b'one', b'other'],
        }
        for name, queue in queues.items():
            got = bodies(collect(channel, queue, len(expected[name]), auto_ack=True))
            equal(got, expected[name], name)
            equal(count_of(channel, queue), 0, f'left for {name}')


@case('names, keys, headers and bodies may be of any script')
def unicode_names():
    with connect() as connection:
        channel = connection.channel()
        queue, exchange = unique('очередь-✉'), unique('交換')
        channel.queue_declare(queue)
        channel.exchange_declare(exchange, 'topic')
        channel.queue_bind(queue, exchange, 'größe.*')
        sent = pika.BasicProperties(headers={'emoji 🐇': '日本'}, type='τύπος')
        channel.basic_publish(exchange, 'größe.🐘', 'Привет, 世界 🐇'.encode(), sent)
        ((method, received, body),) = collect(channel, queue, 1, auto_ack=True)
        equal((method.exchange, method.routing_key), (exchange, 'größe.🐘'))
        equal((received, body.decode()), (sent, 'Привет, 世界 🐇'))
        equal(channel.queue_delete(queue).method.message_count, 0, 'left')


@case('without acks 20,000 messages come once each, in order', deadline_s=60)
def no_ack():
    queue = unique('no-ack')
    sender, receiver = connect(), connect()
    channel = receiver.channel()
    channel.queue_declare(queue)
    got = []

    def keep(channel, method, properties, body):
        got.append((method.delivery_tag, int(body), method.redelivered))

    publisher = sender.channel()
    for number in range(NO_ACK_COUNT // 2):
        publisher.basic_publish('', queue, b'%d' % number)
    channel.basic_consume(queue, keep, auto_ack=True)
    for number in range(NO_ACK_COUNT // 2, NO_ACK_COUNT):
        publisher.basic_publish('', queue, b'%d' % number)
        if number % 500 == 0:
            receiver.process_data_events(time_limit=0)
    pump(receiver, 'all of them', lambda: len(got) >= NO_ACK_COUNT, patience_s=40)
    receiver.process_data_events(time_limit=0.5)
    expected = [(number + 1, number, False) for number in range(NO_ACK_COUNT)]
    equal(got == expected, True, f'{len(got)} messages, once each in order')
    receiver.close()
    equal(count_of(sender.channel(), queue), 0, 'left')
    sender.close()


@case('a consumer without acks that dies leaves nothing to be delivered twice', deadline_s=30)
def no_ack_death():
    queue = unique('no-ack-death')
    with connect() as sender:
        publisher = sender.channel()
        publisher.queue_declare(queue)
        publisher.confirm_delivery()
        for number in range(100):
            publisher.basic_publish('', queue, b'%d' % number)
        dying = connect()
        got = []
        channel = dying.channel()
        channel.basic_consume(queue, lambda *delivery: got.append(delivery), auto_ack=True)
        pump(dying, 'a hundred messages', lambda: len(got) == 100)
        drop(dying)
        patiently(
            'the broker misses the consumer',
            lambda: sender.process_data_events(time_limit=0.01),
            lambda: publisher.queue_declare(queue, passive=True).method.consumer_count == 0,
        )
        publisher.basic_publish('', queue, b'new')
        equal(get(publisher, queue), b'new', 'the next message')
        equal(count_of(publisher, queue), 0, 'left')


main()
