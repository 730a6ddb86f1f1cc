"""Publish and subscribe with redis-py."""

import os

import redis

from harness import case, equal, main, patiently, raises, unique

HOST, PORT = os.environ['POLYMQ_REDIS'].split(':')


def client(**settings):
    return redis.Redis(host=HOST, port=int(PORT), decode_responses=True, **settings)


def read(pubsub, count):
    """The first messages, those that tell of subscriptions apart."""
    got = []

    def step():
        message = pubsub.get_message(ignore_subscribe_messages=True, timeout=0.2)
        if message is not None:
            got.append((message['type'], message['pattern'], message['channel'], message['data']))

    patiently(f'{count} messages', step, lambda: len(got) >= count)
    return got


@case('what is published on a channel and under a pattern is heard')
def channels_and_patterns():
    channel = unique('channel')
    publisher = client()
    pubsub = client().pubsub()
    pubsub.subscribe(channel)
    pubsub.psubscribe(f'{channel}*')
    patiently(
        'both subscriptions',
        lambda: pubsub.get_message(timeout=0.1),
        lambda: publisher.publish(channel, 'early') == 2,
    )
    publisher.publish(f'{channel}/x', 'третье')
    got = [each for each in read(pubsub, 3) if each[3] != 'early']
    equal(got[-1], ('pmessage', f'{channel}*', f'{channel}/x', 'третье'))
    pubsub.unsubscribe()
    pubsub.punsubscribe()
    patiently(
        'the end',
        lambda: pubsub.get_message(timeout=0.1),
        lambda: publisher.publish(channel, 'late') == 0,
    )


@case('a pipeline with a transaction answers for each of its commands')
def pipeline():
    with client().pipeline(transaction=True) as commands:
        commands.publish(unique('nobody'), 'x')
        commands.ping()
        equal(commands.execute(), [0, True])


@case('a name, a database and a health check are taken')
def settings():
    connection = client(client_name='worker', db=3, health_check_interval=1)
    equal(connection.client_getname(), 'worker')
    equal(connection.ping(), True)
    equal(connection.pubsub_numsub('none'), [('none', 0)])


@case('a wrong password is refused as one')
def wrong_password():
    connection = client(username='nobody', password='wrong')
    error = raises(redis.exceptions.ResponseError, connection.ping)
    equal(str(error).split(' ')[0], 'WRONGPASS')


main()
