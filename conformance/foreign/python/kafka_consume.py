"""Consuming with confluent-kafka by assignment: positions, offsets, times."""

import time

from confluent_kafka import OFFSET_BEGINNING, OFFSET_END, OFFSET_INVALID, TopicPartition

from harness import case, equal, main, patiently, raises, unique
from kafka_support import (
    KafkaError, KafkaException, consumer, create_topic, error_code, nothing_more, produce, producer,
    read, values,
)


def filled(count, partitions=1):
    """A topic with records 0 to count-1 in each partition."""
    topic = create_topic(partitions=partitions)
    for partition in range(partitions):
        produce(topic, [b'%d' % number for number in range(count)], partition)
    return topic


@case('assign reads from where it is told: beginning, end, an offset')
def assign():
    topic = filled(10)
    client = consumer()
    for offset, expected in ((OFFSET_BEGINNING, b'0'), (4, b'4'), (0, b'0'), (9, b'9')):
        client.assign([TopicPartition(topic, 0, offset)])
        equal(read(client, 1)[0].value(), expected, f'the first from {offset}')
    client.assign([TopicPartition(topic, 0, OFFSET_END)])
    nothing_more(client)
    produce(topic, [b'new'])
    equal(values(read(client, 1)), [b'new'], 'from the end')
    client.close()


@case('seek goes back and forth, and position is one after the last message')
def seek():
    topic = filled(10)
    client = consumer()
    partition = TopicPartition(topic, 0, 0)
    client.assign([partition])
    equal(client.position([partition])[0].offset, OFFSET_INVALID, 'position before the first')
    equal(values(read(client, 3)), [b'0', b'1', b'2'])
    equal(client.position([partition])[0].offset, 3, 'position')
    client.seek(TopicPartition(topic, 0, 8))
    equal(values(read(client, 2)), [b'8', b'9'], 'after a seek forward')
    client.seek(TopicPartition(topic, 0, 1))
    equal(values(read(client, 2)), [b'1', b'2'], 'after a seek back')
    equal(client.position([partition])[0].offset, 3, 'position')
    client.close()


@case('pause holds one partition back, resume gives its messages without a gap')
def pause_and_resume():
    topic = filled(5, partitions=2)
    client = consumer()
    both = [TopicPartition(topic, partition, 0) for partition in range(2)]
    client.assign(both)
    client.pause([both[0]])
    got = read(client, 5)
    equal({message.partition() for message in got}, {1}, 'partitions while 0 is paused')
    nothing_more(client)
    client.resume([both[0]])
    got = read(client, 5)
    equal([(message.partition(), message.offset()) for message in got], [(0, n) for n in range(5)])
    client.close()


@case('committed offsets are kept for the group, and only for it')
def commit():
    topic, group = filled(10), unique('group')
    partition = TopicPartition(topic, 0)
    client = consumer(group)
    client.assign([TopicPartition(topic, 0, 0)])
    equal(client.committed([partition], 5)[0].offset, OFFSET_INVALID, 'before any commit')
    message = read(client, 4)[-1]
    (result,) = client.commit(message=message, asynchronous=False)
    equal((result.offset, result.error), (4, None), 'result')
    equal(client.committed([partition], 5)[0].offset, 4, 'after a commit of message 3')
    client.commit(offsets=[TopicPartition(topic, 0, 7)], asynchronous=False)
    client.close()

    again = consumer(group)
    equal(again.committed([partition], 5)[0].offset, 7, 'for the next consumer')
    again.assign([partition])
    equal(read(again, 1)[0].offset(), 7, 'where it goes on')
    again.close()
    stranger = consumer()
    equal(stranger.committed([partition], 5)[0].offset, OFFSET_INVALID, 'of another group')
    stranger.close()


@case('watermark offsets are the first offset and the next one')
def watermarks():
    topic = create_topic(partitions=2)
    produce(topic, [b'x'] * 7, 1)
    client = consumer()
    equal(client.get_watermark_offsets(TopicPartition(topic, 0), 5), (0, 0), 'of an empty partition')
    equal(client.get_watermark_offsets(TopicPartition(topic, 1), 5), (0, 7), 'of seven records')
    client.close()


@case('offsets_for_times finds the first record of a time or later')
def offsets_for_times():
    topic = create_topic()
    client = producer()
    for number in range(10):
        client.produce(topic, b'x', timestamp=1_700_000_000_000 + 1000 * number)
        # A batch each.
        client.flush(5)
    reader = consumer()

    def offset_at(time_ms):
        return reader.offsets_for_times([TopicPartition(topic, 0, time_ms)], 5)[0].offset

    equal(offset_at(1_600_000_000_000), 0, 'before all')
    equal(offset_at(1_700_000_003_000), 3, 'exactly')
    equal(offset_at(1_700_000_003_001), 4, 'between two')
    equal(offset_at(1_800_000_000_000), OFFSET_END, 'after all')
    reader.close()


@case('offsets_for_times is exact within a batch compressed by gzip')
def offsets_for_times_gzip():
    exact_within_batch('gzip')


@case('offsets_for_times is exact within a batch compressed by zstd')
def offsets_for_times_zstd():
    exact_within_batch('zstd')


@case('offsets_for_times of a batch compressed by snappy or lz4 skips no record')
def offsets_for_times_not_opened():
    for codec in ('snappy', 'lz4'):
        for offset, found in offsets_within_batch(codec):
            # Kafka gives the record's own; suites/all.ts says so.
            equal(found in (0, offset), True, f'{codec}: {found} is the batch’s first or {offset}')


def exact_within_batch(codec):
    for offset, found in offsets_within_batch(codec):
        equal(found, offset, 'offset')


def offsets_within_batch(codec):
    """[(offset of the record of a time, what the broker says)]"""
    topic = create_topic()
    client = producer(compression_type=codec, linger_ms=200)
    for number in range(100):
        client.produce(topic, b'x' * 100, timestamp=1_700_000_000_000 + number)
    equal(client.flush(5), 0, 'unacknowledged')
    reader = consumer()
    found = []
    for offset in (0, 1, 37, 99):
        partition = TopicPartition(topic, 0, 1_700_000_000_000 + offset)
        found.append((offset, reader.offsets_for_times([partition], 5)[0].offset))
    reader.close()
    return found


@case('an offset out of range is reset as auto.offset.reset says, or is an error')
def out_of_range():
    topic = filled(3)
    for policy, expected in (('earliest', b'0'), ('latest', b'new')):
        client = consumer(auto_offset_reset=policy)
        client.assign([TopicPartition(topic, 0, 1000)])
        if policy == 'latest':
            patiently(
                'it stands at the end',
                lambda: nothing_more(client, 0.1),
                lambda: client.get_watermark_offsets(TopicPartition(topic, 0), cached=True)[1] == 3,
            )
            nothing_more(client)
            produce(topic, [b'new'])
        equal(values(read(client, 1)), [expected], policy)
        client.close()
    client = consumer(auto_offset_reset='error')
    client.assign([TopicPartition(topic, 0, 1000)])
    error = raises(KafkaException, lambda: read(client, 1))
    equal(error_code(error), KafkaError._AUTO_OFFSET_RESET, 'with the policy error')
    client.close()


@case('a waiting consumer gets a new record at once, not when its fetch times out')
def long_poll():
    topic = create_topic()
    client = consumer(fetch_wait_max_ms=30_000)
    client.assign([TopicPartition(topic, 0, 0)])
    produce(topic, [b'first'])
    read(client, 1)
    begun = time.monotonic()
    produce(topic, [b'second'], linger_ms=0)
    equal(values(read(client, 1)), [b'second'])
    equal(time.monotonic() - begun < 2, True, 'within 2 s of a fetch that would wait for 30')
    client.close()


@case('the end of a partition is told to who asks for it')
def partition_end():
    topic = filled(2)
    client = consumer(enable_partition_eof=True)
    client.assign([TopicPartition(topic, 0, 0)])
    got = []
    patiently(
        'the end', lambda: got.extend(client.consume(1, timeout=0.5)), lambda: len(got) == 3
    )
    equal(values(got[:2]), [b'0', b'1'])
    equal((got[2].error().code(), got[2].offset()), (KafkaError._PARTITION_EOF, 2))
    client.close()


@case('an unknown topic is an error, and is not made by a consumer')
def unknown_topic():
    client = consumer()
    topic = unique('unknown')
    client.subscribe([topic])
    error = raises(KafkaException, lambda: read(client, 1))
    equal(error_code(error), KafkaError.UNKNOWN_TOPIC_OR_PART, 'code')
    equal(topic in client.list_topics(timeout=5).topics, False, 'in the list of topics')
    client.close()


main()
