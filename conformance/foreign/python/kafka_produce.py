"""Producing with confluent-kafka, that is with librdkafka."""

import os
import time

from confluent_kafka import TIMESTAMP_CREATE_TIME, TopicPartition

from harness import case, equal, main, raises, unique
from kafka_support import (
    KafkaError, KafkaException, consumer, create_topic, error_code, nothing_more, produce, producer,
    read, values,
)

COUNT = 20_000


def read_all(topic, count, partition=0, **settings):
    client = consumer(**settings)
    client.assign([TopicPartition(topic, partition, 0)])
    got = read(client, count, patience_s=30)
    nothing_more(client)
    client.close()
    return got


@case('each delivery report has the offset at which the record is read')
def delivery_reports():
    topic = create_topic()
    delivered = produce(topic, [b'a', b'b', b'c'])
    equal([message.offset() for message in delivered], [0, 1, 2], 'offsets reported')
    got = read_all(topic, 3)
    equal([(message.offset(), message.value()) for message in got], [(0, b'a'), (1, b'b'), (2, b'c')])


@case('key, value, headers and timestamp come as they were sent, null and empty apart')
def whole_record():
    topic = create_topic()
    client = producer()
    headers = [('a', b'1'), ('a', b'2'), ('empty', b''), ('null', None), ('ключ', 'значение'.encode())]
    client.produce(topic, 'wörld', 'ключ', headers=headers, timestamp=1700000000123)
    client.produce(topic, None, b'tombstone')
    client.produce(topic, b'', b'')
    client.produce(topic, b'no key', None)
    equal(client.flush(10), 0, 'unacknowledged')
    whole, tombstone, empty, keyless = read_all(topic, 4)
    equal((whole.key().decode(), whole.value().decode()), ('ключ', 'wörld'))
    equal(whole.headers(), headers, 'headers')
    equal(whole.timestamp(), (TIMESTAMP_CREATE_TIME, 1700000000123), 'timestamp')
    equal((tombstone.key(), tombstone.value()), (b'tombstone', None), 'a tombstone')
    equal((empty.key(), empty.value()), (b'', b''), 'empty')
    equal((keyless.key(), keyless.value()), (None, b'no key'), 'without a key')


@case('records compressed by gzip, snappy, lz4 and zstd are read as they were', deadline_s=30)
def compression():
    topic = create_topic()
    expected = []
    for codec in ('none', 'gzip', 'snappy', 'lz4', 'zstd'):
        batch = [f'{codec} {number} {"x" * 200}'.encode() for number in range(500)]
        produce(topic, batch, compression_type=codec, linger_ms=100)
        expected += batch
    equal(values(read_all(topic, len(expected))) == expected, True, 'all records, in order')


@case('an idempotent producer writes 5,000 records once each, in order', deadline_s=30)
def idempotence():
    topic = create_topic()
    sent = [b'%d' % number for number in range(5000)]
    delivered = produce(topic, sent, enable_idempotence=True, linger_ms=1, batch_num_messages=50)
    equal([message.offset() for message in delivered], list(range(5000)), 'offsets reported')
    equal(values(read_all(topic, 5000)) == sent, True, 'all records, in order')


@case('with acks=0 each of 20,000 records is there once, in order', deadline_s=60)
def acks_none():
    acks_case(0)


@case('with acks=1 each of 20,000 records is there once, in order', deadline_s=60)
def acks_leader():
    acks_case(1)


@case('with acks=all each of 20,000 records is there once, in order', deadline_s=60)
def acks_all():
    acks_case(-1)


def acks_case(acks):
    topic = create_topic()
    sent = [b'%d' % number for number in range(COUNT)]
    produce(topic, sent, request_required_acks=acks)
    equal(values(read_all(topic, COUNT)) == sent, True, 'all records, once each in order')


@case('records of one key go to one partition, and partitions keep their order')
def partitioner():
    topic = create_topic(partitions=4)
    client = producer(partitioner='murmur2_random')
    for number in range(200):
        client.produce(topic, b'%d' % number, b'key %d' % (number % 10))
    equal(client.flush(10), 0, 'unacknowledged')
    reader = consumer()
    reader.assign([TopicPartition(topic, partition, 0) for partition in range(4)])
    homes, last = {}, {}
    for message in read(reader, 200):
        homes.setdefault(message.key(), set()).add(message.partition())
        equal(last.get(message.key(), -1) < int(message.value()), True, 'order within a key')
        last[message.key()] = int(message.value())
    reader.close()
    equal([len(partitions) for partitions in homes.values()], [1] * 10, 'partitions of each key')
    equal(len(set().union(*homes.values())) > 1, True, 'more than one partition is used')


@case('a record near the limit passes; one above it is refused, and the producer goes on', deadline_s=30)
def large_records():
    topic = create_topic()
    body = os.urandom(990_000)
    (message,) = produce(topic, [body])
    errors = []
    client = producer(message_max_bytes=4_000_000)
    client.produce(topic, os.urandom(2_000_000), on_delivery=lambda error, _: errors.append(error))
    client.flush(10)
    equal([error.code() for error in errors], [KafkaError.MSG_SIZE_TOO_LARGE], 'errors')
    client.produce(topic, b'after', on_delivery=lambda error, _: errors.append(error))
    client.flush(10)
    equal(errors[1:], [None], 'the next record')
    first, second = read_all(topic, 2)
    equal((first.value() == body, second.value()), (True, b'after'))


@case('a topic that allows larger records takes 5 MiB, and a consumer reads it', deadline_s=30)
def larger_limit():
    topic = create_topic(max_message_bytes='6000000')
    body = os.urandom(5 * 1024 * 1024)
    produce(topic, [b'before', body, b'after'], message_max_bytes=6_000_000)
    before, large, after = read_all(topic, 3)
    equal((before.value(), large.value() == body, after.value()), (b'before', True, b'after'))


@case('producing to a topic that is not there makes it, as Kafka does by default')
def auto_created():
    topic = unique('auto-created')
    (message,) = produce(topic, [b'first'])
    equal((message.partition(), message.offset()), (0, 0))
    equal(values(read_all(topic, 1)), [b'first'])


@case('a partition that does not exist is an error of the record, not of the producer')
def unknown_partition():
    topic = create_topic(partitions=2)
    produce(topic, [b'x'])
    client, errors = producer(), []
    begun = time.monotonic()
    client.produce(topic, b'x', partition=7, on_delivery=lambda error, _: errors.append(error.code()))
    client.flush(10)
    equal(errors, [KafkaError._UNKNOWN_PARTITION], 'errors')
    equal(time.monotonic() - begun < 8, True, 'known soon')


@case('a producer without a broker reports its records as timed out')
def no_broker():
    client = producer(bootstrap_servers='localhost:1', message_timeout_ms=1000)
    errors = []
    client.produce('any', b'x', on_delivery=lambda error, _: errors.append(error.code()))
    client.flush(10)
    equal(errors, [KafkaError._MSG_TIMED_OUT], 'errors')
    error = raises(KafkaException, lambda: client.list_topics(timeout=0.5))
    equal(error_code(error), KafkaError._TRANSPORT, 'of a metadata request')


main()
