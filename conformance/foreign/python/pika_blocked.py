"""A broker whose memory is used up: needs one that is started with --memory 16MiB."""

import threading

import pika
from pika.exceptions import ConnectionBlockedTimeout

from harness import case, equal, main, raises, unique
from pika_support import connect, count_of, get_soon, in_thread, parameters, pump

BODY = bytes(64 * 1024)


@case('a publisher is told that it is blocked, and when it may go on; nothing is lost', deadline_s=40)
def blocked_and_unblocked():
    queue = unique('blocked')
    events, published = [], [0]
    is_blocked = threading.Event()
    with connect() as admin:
        admin.channel().queue_declare(queue)

    def opened(channel):
        if is_blocked.is_set():
            return
        channel.basic_publish('', queue, BODY)
        published[0] += 1
        connection.ioloop.call_later(0.001, lambda: opened(channel))

    def blocked(_, frame):
        events.append('blocked')
        equal(bool(frame.method.reason), True, 'a reason is given')
        is_blocked.set()

    def unblocked(_, frame):
        events.append('unblocked')
        connection.close()

    connection = pika.SelectConnection(
        parameters(),
        on_open_callback=lambda connection: connection.channel(on_open_callback=opened),
        on_close_callback=lambda *_: connection.ioloop.stop(),
    )
    connection.add_on_connection_blocked_callback(blocked)
    connection.add_on_connection_unblocked_callback(unblocked)
    in_thread(connection.ioloop.start)
    equal(is_blocked.wait(20), True, 'blocked')

    # Consuming, on a connection of its own, is what frees the memory: it must not be held up.
    with connect() as consumer:
        got = []
        channel = consumer.channel()
        channel.basic_consume(queue, lambda *delivery: got.append(len(delivery[3])), auto_ack=True)
        pump(consumer, 'all messages', lambda: len(got) == published[0], patience_s=15)
        pump(consumer, 'the publisher goes on', lambda: connection.is_closed, patience_s=15)
        consumer.process_data_events(time_limit=0.2)
        equal(got, [len(BODY)] * published[0], 'messages')
        channel.queue_delete(queue)
    equal(events, ['blocked', 'unblocked'])


@case('who does not publish may declare, get and ack while publishers are blocked', deadline_s=40)
def others_go_on():
    queue = unique('others-go-on')
    with connect() as other, connect() as connection:
        channel = connection.channel()
        channel.queue_declare(queue)
        events = []
        connection.add_on_connection_blocked_callback(lambda *_: events.append('blocked'))
        connection.add_on_connection_unblocked_callback(lambda *_: events.append('unblocked'))
        fill(connection, channel, queue, lambda: events)
        bystander = other.channel()
        bystander.queue_declare('', exclusive=True)
        for _ in range(count_of(bystander, queue)):
            method, _, body = bystander.basic_get(queue)
            equal(len(body), len(BODY), 'bytes')
            bystander.basic_ack(method.delivery_tag)
        pump(connection, 'it may go on', lambda: events == ['blocked', 'unblocked'])
        bystander.queue_purge(queue)
        channel.basic_publish('', queue, b'again')
        equal(get_soon(connection, channel, queue)[2], b'again')
        channel.queue_delete(queue)


@case('pika gives up a connection that stays blocked longer than it was told to wait', deadline_s=40)
def blocked_timeout():
    queue = unique('blocked-timeout')
    with connect() as admin:
        admin.channel().queue_declare(queue)
        connection = connect(blocked_connection_timeout=1)
        blocked = []
        connection.add_on_connection_blocked_callback(lambda *_: blocked.append(1))
        fill(connection, connection.channel(), queue, lambda: blocked)
        raises(ConnectionBlockedTimeout, lambda: connection.process_data_events(time_limit=5))
        admin.channel().queue_delete(queue)


def fill(connection, channel, queue, is_blocked):
    """Publishes until the broker says stop; not in a rush, or pika would wait to be rid of the last."""
    for _ in range(2000):
        if is_blocked():
            return
        channel.basic_publish('', queue, BODY)
        connection.process_data_events(time_limit=0.002)
    raise AssertionError('never blocked')


main()
