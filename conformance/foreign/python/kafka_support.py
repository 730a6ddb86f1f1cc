"""Clients, and waiting, for the cases of confluent-kafka."""

import os

from confluent_kafka import Consumer, KafkaError, KafkaException, Producer
from confluent_kafka.admin import AdminClient, NewTopic

from harness import PATIENCE_S, patiently, unique

BOOTSTRAP = os.environ.get('POLYMQ_KAFKA', '')


def producer(**settings):
    return Producer(configuration({'linger.ms': 5}, settings))


def consumer(group=None, **settings):
    """Reads from the beginning and commits nothing by itself."""
    return Consumer(
        configuration(
            {
                'group.id': group or unique('group'),
                'auto.offset.reset': 'earliest',
                'enable.auto.commit': False,
                'session.timeout.ms': 6000,
                'heartbeat.interval.ms': 300,
                # What a member has to wait for at most before it sees that it must join anew.
                'fetch.wait.max.ms': 100,
            },
            settings,
        )
    )


def admin(**settings):
    return AdminClient(configuration({}, settings))


def configuration(defaults, settings):
    named = {name.replace('_', '.'): value for name, value in settings.items()}
    return {'bootstrap.servers': BOOTSTRAP, **defaults, **named}


def create_topic(partitions=1, what='topic', **settings):
    """The name of a new topic."""
    name = unique(what)
    config = {key.replace('_', '.'): value for key, value in settings.items()}
    # Kept until it is done: without its client a future fails.
    client = admin()
    client.create_topics([NewTopic(name, partitions, 1, config=config)])[name].result(PATIENCE_S)
    return name


def produce(topic, values, partition=0, **settings):
    """Sends them and waits until they are acknowledged: the delivered messages, in order."""
    delivered, client = [], producer(**settings)

    def report(error, message):
        if error is not None:
            raise KafkaException(error)
        delivered.append(message)

    for value in values:
        client.produce(topic, value, partition=partition, on_delivery=report)
    left = client.flush(PATIENCE_S)
    if left != 0:
        raise AssertionError(f'{left} of {len(values)} not acknowledged')
    return delivered


def read(client, count, patience_s=PATIENCE_S):
    """The next so many messages; an error is raised."""
    got = []

    def poll():
        for message in client.consume(count - len(got), timeout=0.1):
            if message.error() is not None:
                raise KafkaException(message.error())
            got.append(message)

    patiently(f'{count} messages', poll, lambda: len(got) >= count, patience_s)
    return got


def nothing_more(client, seconds=0.5):
    """Fails if another message comes."""
    for message in client.consume(1, timeout=seconds):
        raise AssertionError(f'one too many: {message.topic()} {message.offset()} {message.value()!r}')


def values(messages):
    return [message.value() for message in messages]


def error_code(error):
    """Of a KafkaException."""
    return error.args[0].code()


__all__ = [
    'BOOTSTRAP', 'KafkaError', 'KafkaException', 'admin', 'consumer', 'create_topic', 'error_code',
    'nothing_more', 'produce', 'producer', 'read', 'values',
]
