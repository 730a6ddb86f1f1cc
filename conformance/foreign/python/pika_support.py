"""Connections, and waiting, for the cases of pika."""

import os
import socket
import threading

import pika

from harness import PATIENCE_S, equal, patiently

URL = os.environ.get('POLYMQ_AMQP_URL', '')
PERSISTENT = pika.BasicProperties(delivery_mode=2)


def parameters(**changes):
    """As the URL says, with changes as attributes of pika's parameters."""
    result = pika.URLParameters(URL)
    result.connection_attempts = 1
    result.socket_timeout = 5
    result.blocked_connection_timeout = None
    for name, value in changes.items():
        setattr(result, name, value)
    return result


def connect(**changes):
    return pika.BlockingConnection(parameters(**changes))


def pump(connection, what, is_there, patience_s=PATIENCE_S):
    """Lets the connection work until it is there."""
    patiently(what, lambda: connection.process_data_events(time_limit=0.05), is_there, patience_s)


def collect(channel, queue, count, **options):
    """Consumes until there are that many: [(method, properties, body)]. Cancels then."""
    got = []
    tag = channel.basic_consume(queue, lambda _, *delivery: got.append(delivery), **options)
    pump(channel.connection, f'{count} messages of {queue}', lambda: len(got) >= count)
    channel.basic_cancel(tag)
    equal(len(got), count, f'messages of {queue}')
    return got


def bodies(deliveries):
    return [body for _, _, body in deliveries]


def count_of(channel, queue):
    return channel.queue_declare(queue, passive=True).method.message_count


def get(channel, queue, auto_ack=True):
    """The body of the next message; fails if there is none."""
    method, _, body = channel.basic_get(queue, auto_ack=auto_ack)
    if method is None:
        raise AssertionError(f'{queue} is empty')
    return body


def get_soon(connection, channel, queue, auto_ack=True):
    """(method, properties, body) of the next message, once there is one."""
    got = []

    def look():
        delivery = channel.basic_get(queue, auto_ack=auto_ack)
        if delivery[0] is not None:
            got.append(delivery)
        else:
            connection.process_data_events(time_limit=0.02)

    patiently(f'a message in {queue}', look, lambda: got)
    return got[0]


def drop(connection):
    """The network goes away under the client: no goodbye of AMQP."""
    connection._impl._transport._sock.shutdown(socket.SHUT_RDWR)


def in_thread(function):
    thread = threading.Thread(target=function, daemon=True)
    thread.start()
    return thread
