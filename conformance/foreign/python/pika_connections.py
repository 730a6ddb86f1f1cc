"""Logging in, heartbeats, and the end of connections."""

import time

import pika
from pika.exceptions import (
    AMQPConnectionError,
    ConnectionClosedByBroker,
    ProbableAccessDeniedError,
    ProbableAuthenticationError,
)

from harness import case, equal, main, raises, unique
from pika_support import bodies, collect, connect, get_soon, pump


@case('a wrong password is refused as such, and so is an unknown user')
def wrong_password():
    for name, password in (('guest', 'wrong'), ('nobody', 'guest')):
        must_be_refused(name, password)


@case('an empty password is a wrong one, not a broken login')
def empty_password():
    must_be_refused('guest', '')


def must_be_refused(name, password):
    credentials = pika.PlainCredentials(name, password)
    error = raises(AMQPConnectionError, lambda: connect(credentials=credentials))
    equal(type(error), ProbableAuthenticationError, f'{name}:{password}')
    equal('ACCESS_REFUSED' in str(error), True, f'{error} names the reason')


@case('a virtual host that does not exist is refused')
def unknown_virtual_host():
    error = raises(AMQPConnectionError, lambda: connect(virtual_host=unique('nowhere')))
    expected = (ProbableAccessDeniedError, ConnectionClosedByBroker)
    equal(isinstance(error, expected), True, f'{error!r} is one of {expected}')


@case('the broker says who it is and what it can')
def server_properties():
    with connect() as connection:
        for feature in (
            'publisher_confirms_supported',
            'basic_nack_supported',
            'consumer_cancel_notify_supported',
            'exchange_exchange_bindings_supported',
        ):
            equal(getattr(connection, feature), True, feature)


@case('heartbeats keep an idle connection alive', deadline_s=20)
def heartbeat_alive():
    with connect(heartbeat=1) as connection:
        channel = connection.channel()
        queue = channel.queue_declare('', exclusive=True).method.queue
        # Five intervals: both sides would have given up a silent peer by then.
        end = time.monotonic() + 5
        while time.monotonic() < end:
            connection.process_data_events(time_limit=0.1)
        channel.basic_publish('', queue, b'still here')
        equal(bodies(collect(channel, queue, 1)), [b'still here'])


@case('a client that falls silent loses its connection, and its unacked messages', deadline_s=25)
def heartbeat_missed():
    queue = unique('silent')
    watcher, silent = connect(), connect(heartbeat=1)
    channel = watcher.channel()
    channel.queue_declare(queue)
    channel.basic_publish('', queue, b'task')
    held = []
    silent.channel().basic_consume(queue, lambda *delivery: held.append(delivery))
    pump(silent, 'the task', lambda: held)
    begun = time.monotonic()
    # From here on nobody serves the silent connection, as though its process were stopped.
    method, _, body = get_soon(watcher, channel, queue)
    equal((body, method.redelivered), (b'task', True))
    equal(1 < time.monotonic() - begun < 8, True, 'given up after some intervals')
    raises(AMQPConnectionError, lambda: silent.process_data_events(time_limit=5))
    watcher.close()


@case('one connection carries many channels, each with its own tags')
def many_channels():
    with connect() as connection:
        channels = [connection.channel() for _ in range(100)]
        equal(len({channel.channel_number for channel in channels}), 100, 'numbers')
        queue = channels[0].queue_declare('', exclusive=True).method.queue
        for number, channel in enumerate(channels):
            channel.basic_publish('', queue, b'%d' % number)
        got = sorted(int(channel.basic_get(queue)[2]) for channel in channels)
        equal(got, list(range(100)), 'messages')
        for channel in channels:
            channel.basic_ack(1)
            channel.close()
        equal(connection.is_open, True, 'open')


@case('closing says goodbye in both directions, and the name of the client does no harm')
def goodbye():
    connection = connect(client_properties={'connection_name': 'réveil', 'deep': {'a': [1]}})
    connection.channel()
    connection.close(reply_code=320, reply_text='going home')
    equal(connection.is_closed, True, 'closed')


main()
