"""What RabbitMQ's tutorials 1 to 7 lead their reader to expect."""

import time

import pika

from harness import case, equal, main, unique
from pika_support import PERSISTENT, bodies, collect, connect, count_of, drop, pump


@case('1 hello: what is sent to the default exchange comes from the queue of that name')
def hello():
    queue = unique('hello')
    with connect() as sender:
        channel = sender.channel()
        channel.queue_declare(queue=queue)
        channel.basic_publish(exchange='', routing_key=queue, body='Hello World!')
    with connect() as receiver:
        channel = receiver.channel()
        channel.queue_declare(queue=queue)
        (method, properties, body), = collect(channel, queue, 1, auto_ack=True)
        equal((method.exchange, method.routing_key, body), ('', queue, b'Hello World!'))
        equal(method.redelivered, False, 'redelivered')
        equal(count_of(channel, queue), 0, 'left')


@case('2 work queues: tasks are dealt out in turn to workers that take one at a time')
def work_queue_fair():
    queue = unique('task')
    fast, slow, boss = connect(), connect(), connect()
    channel = boss.channel()
    channel.queue_declare(queue, durable=True)
    held, done = [], []

    def hold(channel, method, properties, body):
        held.append(body)

    def work(channel, method, properties, body):
        done.append(body)
        channel.basic_ack(method.delivery_tag)

    for connection, callback in ((slow, hold), (fast, work)):
        worker = connection.channel()
        worker.basic_qos(prefetch_count=1)
        worker.basic_consume(queue, callback)
    tasks = [b'task %d' % number for number in range(20)]
    for task in tasks:
        channel.basic_publish('', queue, task, PERSISTENT)
    pump(slow, 'the slow worker has a task', lambda: held)
    pump(fast, 'the fast worker has done the rest', lambda: len(done) == 19)
    slow.process_data_events(time_limit=0.2)
    equal(len(held), 1, 'tasks of the slow worker')
    equal(sorted(held + done), sorted(tasks), 'tasks')
    equal(done, sorted(done, key=tasks.index), 'order of the fast worker')
    for connection in (fast, slow, boss):
        connection.close()


@case('2 work queues: the tasks of a worker that dies go to another, marked redelivered')
def work_queue_death():
    queue = unique('task')
    dying, other = connect(), connect()
    worker = dying.channel()
    worker.queue_declare(queue, durable=True)
    for number in range(3):
        worker.basic_publish('', queue, b'task %d' % number, PERSISTENT)
    held = []
    worker.basic_consume(queue, lambda channel, method, *rest: held.append(method.redelivered))
    pump(dying, 'the worker has all tasks', lambda: len(held) == 3)
    equal(held, [False] * 3, 'redelivered at first')
    drop(dying)
    channel = other.channel()
    got = collect(channel, queue, 3)
    equal(bodies(got), [b'task 0', b'task 1', b'task 2'], 'tasks, in order')
    equal([method.redelivered for method, _, _ in got], [True] * 3, 'redelivered')
    channel.basic_ack(0, multiple=True)
    equal(count_of(channel, queue), 0, 'left')
    other.close()


@case('3 publish and subscribe: a fanout gives every queue of the moment a copy')
def fanout():
    logs = unique('logs')
    with connect() as connection:
        channel = connection.channel()
        channel.exchange_declare(exchange=logs, exchange_type='fanout')
        channel.basic_publish(logs, '', 'nobody hears this')
        queues = []
        for _ in range(2):
            queue = channel.queue_declare(queue='', exclusive=True).method.queue
            equal(queue.startswith('amq.gen-'), True, f'name of {queue}')
            channel.queue_bind(exchange=logs, queue=queue)
            queues.append(queue)
        equal(len(set(queues)), 2, 'names')
        channel.basic_publish(logs, 'ignored', 'info: hello')
        for queue in queues:
            equal(bodies(collect(channel, queue, 1, auto_ack=True)), [b'info: hello'])
        channel.queue_unbind(queues[0], logs)
        channel.basic_publish(logs, '', 'after')
        equal([count_of(channel, queue) for queue in queues], [0, 1], 'after an unbind')


@case('4 routing: a direct exchange gives a queue the severities that it is bound with')
def direct():
    logs = unique('direct-logs')
    with connect() as connection:
        channel = connection.channel()
        channel.exchange_declare(exchange=logs, exchange_type='direct')
        every, errors = (channel.queue_declare('', exclusive=True).method.queue for _ in range(2))
        for severity in ('info', 'warning', 'error'):
            channel.queue_bind(every, logs, routing_key=severity)
        channel.queue_bind(errors, logs, routing_key='error')
        for severity in ('info', 'error', 'debug', 'warning', 'Error'):
            channel.basic_publish(logs, severity, severity)
        equal(bodies(collect(channel, every, 3)), [b'info', b'error', b'warning'])
        equal(bodies(collect(channel, errors, 1)), [b'error'])


@case('5 topics: * is one word, # any number of them, and a queue gets one copy')
def topics():
    animals = unique('animals')
    with connect() as connection:
        channel = connection.channel()
        channel.exchange_declare(exchange=animals, exchange_type='topic')
        bindings = {
            'orange': ['*.orange.*'],
            'rabbits': ['*.*.rabbit', 'lazy.#'],
            'all': ['#'],
            'two words': ['*.*'],
            'ends in fox': ['#.fox'],
        }
        queues = {}
        for name, keys in bindings.items():
            queues[name] = channel.queue_declare('', exclusive=True).method.queue
            for key in keys:
                channel.queue_bind(queues[name], animals, routing_key=key)
        keys = [
            'quick.orange.rabbit', 'lazy.orange.elephant', 'quick.orange.fox', 'lazy.brown.fox',
            'lazy.pink.rabbit', 'quick.brown.fox', 'orange', 'quick.orange.new.rabbit',
            'lazy.orange.new.rabbit', 'lazy', 'fox', 'a.b', '', 'lazy.', '.fox',
        ]
        for key in keys:
            channel.basic_publish(animals, key, key)
        expected = {
            'orange': ['quick.orange.rabbit', 'lazy.orange.elephant', 'quick.orange.fox'],
            'rabbits': [
                'quick.orange.rabbit', 'lazy.orange.elephant', 'lazy.brown.fox',
                'lazy.pink.rabbit', 'lazy.orange.new.rabbit', 'lazy', 'lazy.',
            ],
            'all': keys,
            'two words': ['a.b', 'lazy.', '.fox'],
            'ends in fox': ['quick.orange.fox', 'lazy.brown.fox', 'quick.brown.fox', 'fox', '.fox'],
        }
        for name, queue in queues.items():
            got = collect(channel, queue, len(expected[name]), auto_ack=True)
            equal([body.decode() for body in bodies(got)], expected[name], name)


@case('6 RPC: replies find the caller by reply_to, and the call by correlation_id')
def rpc():
    queue = unique('rpc')
    server, client = connect(), connect()
    calls = server.channel()
    calls.queue_declare(queue)
    calls.basic_qos(prefetch_count=1)

    def double(channel, method, properties, body):
        reply = pika.BasicProperties(correlation_id=properties.correlation_id)
        channel.basic_publish('', properties.reply_to, str(2 * int(body)), reply)
        channel.basic_ack(method.delivery_tag)

    calls.basic_consume(queue, double)
    channel = client.channel()
    callback_queue = channel.queue_declare('', exclusive=True).method.queue
    replies = {}

    def keep(channel, method, properties, body):
        replies[properties.correlation_id] = body

    channel.basic_consume(callback_queue, keep, auto_ack=True)
    for number in range(10):
        call = pika.BasicProperties(reply_to=callback_queue, correlation_id=f'call {number}')
        channel.basic_publish('', queue, str(number), call)

    def is_answered():
        server.process_data_events(time_limit=0.01)
        return len(replies) == 10

    pump(client, 'ten replies', is_answered)
    equal(replies, {f'call {number}': b'%d' % (2 * number) for number in range(10)})
    client.close()
    server.close()


@case('7 confirms: each publish of a confirming channel returns once the broker has it')
def confirms():
    queue = unique('confirmed')
    with connect() as connection:
        channel = connection.channel()
        channel.confirm_delivery()
        channel.queue_declare(queue, durable=True)
        begun = time.monotonic()
        for number in range(200):
            channel.basic_publish('', queue, b'%d' % number, PERSISTENT)
        equal(count_of(channel, queue), 200, 'confirmed messages')
        equal(time.monotonic() - begun < 8, True, 'confirmed one by one in less than 8 s')
        channel.basic_publish('', unique('nowhere'), b'unroutable, not mandatory: confirmed too')
        channel.queue_delete(queue)


main()
