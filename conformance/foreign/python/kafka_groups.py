"""Consumer groups with confluent-kafka: who reads what, and what happens when members come and go."""

import time

from confluent_kafka import TopicPartition

from harness import case, equal, main, patiently, unique
from kafka_support import (
    KafkaError, KafkaException, consumer, create_topic, nothing_more, produce, read, values,
)


class Member:
    """A consumer in a group, with what its callbacks were told."""

    def __init__(self, group, topics, **settings):
        self.assigned = []
        self.revoked = []
        self.lost = []
        self.messages = []
        self.client = consumer(group, **settings)
        self.client.subscribe(
            topics,
            on_assign=lambda _, partitions: self.assigned.append(numbers(partitions)),
            on_revoke=lambda _, partitions: self.revoked.append(numbers(partitions)),
            on_lost=lambda _, partitions: self.lost.append(numbers(partitions)),
        )

    def poll(self):
        for message in self.client.consume(100, timeout=0.02):
            if message.error() is not None:
                raise KafkaException(message.error())
            self.messages.append(message)

    @property
    def partitions(self):
        return numbers(self.client.assignment())


def numbers(partitions):
    return sorted(partition.partition for partition in partitions)


def until(what, members, is_there, patience_s=10):
    def step():
        for member in members:
            member.poll()

    patiently(what, step, is_there, patience_s)


def shared(members, count):
    """Whether the partitions 0 to count-1 are dealt out, each to one, and nobody is left without."""
    dealt = [member.partitions for member in members]
    return all(dealt) and sorted(sum(dealt, [])) == list(range(count))


@case('a lone member gets all partitions and goes on where its group stopped')
def lone_member():
    topic, group = create_topic(partitions=3), unique('group')
    for partition in range(3):
        produce(topic, [b'%d-%d' % (partition, number) for number in range(4)], partition)
    first = Member(group, [topic])
    until('all messages', [first], lambda: len(first.messages) == 12)
    equal(first.assigned, [[0, 1, 2]], 'assigned')
    first.client.commit(asynchronous=False)
    first.client.close()
    equal(first.revoked, [[0, 1, 2]], 'revoked by closing')
    produce(topic, [b'new'], 1)
    second = Member(group, [topic])
    until('the new message', [second], lambda: len(second.messages) > 0)
    nothing_more(second.client)
    equal(values(second.messages), [b'new'], 'after the commit')
    second.client.close()


@case('offsets are committed by themselves when a consumer with auto-commit closes')
def auto_commit():
    topic, group = create_topic(), unique('group')
    produce(topic, [b'a', b'b'])
    first = Member(group, [topic], enable_auto_commit=True)
    until('two messages', [first], lambda: len(first.messages) == 2)
    first.client.close()
    second = Member(group, [topic])
    until('its partition', [second], lambda: second.partitions == [0])
    nothing_more(second.client)
    second.client.close()


@case('members share the partitions, and take over those of one that leaves', deadline_s=30)
def share_and_leave():
    topic, group = create_topic(partitions=6), unique('group')
    one, two, three = members = [Member(group, [topic]) for _ in range(3)]
    until('all share', members, lambda: shared(members, 6))
    equal([len(member.partitions) for member in members], [2, 2, 2], 'partitions of each')
    for partition in range(6):
        produce(topic, [b'%d' % partition], partition)
    until('all messages', members, lambda: sum(len(each.messages) for each in members) >= 6)
    everything = sorted(sum((values(member.messages) for member in members), []))
    equal(everything, [b'%d' % partition for partition in range(6)], 'messages, one reader each')
    for member in members:
        member.client.commit(asynchronous=False)
    two.client.close()
    until('two share', [one, three], lambda: shared([one, three], 6))
    one.client.close()
    until('one has all', [three], lambda: three.partitions == list(range(6)))
    for partition in range(6):
        produce(topic, [b'late'], partition)
    before = len(three.messages)
    until('six more', [three], lambda: len(three.messages) - before >= 6)
    nothing_more(three.client)
    equal(values(three.messages[before:]), [b'late'] * 6, 'after the commits')
    three.client.close()


@case('the partitions of a member that falls silent go to the others after its session', deadline_s=40)
def silent_member():
    topic, group = create_topic(partitions=2), unique('group')
    # librdkafka stops its heartbeats once the application has not polled for so long.
    silent = Member(group, [topic], max_poll_interval_ms=6000)
    other = Member(group, [topic])
    until('both share', [silent, other], lambda: shared([silent, other], 2))
    begun = time.monotonic()
    until('the other has all', [other], lambda: other.partitions == [0, 1], patience_s=20)
    equal(3 < time.monotonic() - begun, True, 'not before the session ends')
    other.client.close()


@case('a cooperative member keeps what it has while another joins', deadline_s=30)
def cooperative():
    topic, group = create_topic(partitions=4), unique('group')
    settings = {'partition_assignment_strategy': 'cooperative-sticky'}
    one = Member(group, [topic], **settings)
    until('one has all', [one], lambda: one.partitions == [0, 1, 2, 3])
    two = Member(group, [topic], **settings)
    until('two share', [one, two], lambda: shared([one, two], 4))
    equal(one.assigned[0], [0, 1, 2, 3], 'assigned to the first')
    equal([len(partitions) for partitions in one.revoked], [2], 'revoked: what moves, and no more')
    equal(sorted(one.revoked[0] + one.partitions), [0, 1, 2, 3], 'what moved and what stayed')
    equal([each for each in two.assigned if each], [two.partitions], 'assigned to the second')
    two.client.close()
    until('one has all again', [one], lambda: one.partitions == [0, 1, 2, 3])
    equal(one.lost, [], 'lost')
    one.client.close()


@case('a static member that restarts gets its partitions back, unnoticed by the others', deadline_s=40)
def static_membership():
    topic, group = create_topic(partitions=4), unique('group')
    one = Member(group, [topic], group_instance_id='instance-1')
    two = Member(group, [topic], group_instance_id='instance-2')
    until('both share', [one, two], lambda: shared([one, two], 4))
    mine, told = two.partitions, (len(one.assigned), len(one.revoked))
    # A static member does not say goodbye.
    two.client.close()
    again = Member(group, [topic], group_instance_id='instance-2')
    until('it is back', [one, again], lambda: again.partitions != [])
    equal(again.partitions, mine, 'its partitions')
    equal((len(one.assigned), len(one.revoked)), told, 'calls to the other member')
    one.client.close()
    again.client.close()


@case('two members of one static name: the older is fenced', deadline_s=30)
def static_fencing():
    topic, group = create_topic(), unique('group')
    older = Member(group, [topic], group_instance_id='same')
    until('it has its partition', [older], lambda: older.partitions == [0])
    newer = Member(group, [topic], group_instance_id='same')
    fenced = []

    def is_fenced():
        try:
            older.poll()
        except KafkaException as error:
            fenced.append(error.args[0])
        return fenced != []

    until('the older is fenced', [newer], is_fenced)
    equal((fenced[0].code(), 'fenced' in fenced[0].str()), (KafkaError._FATAL, True), str(fenced[0]))
    until('the newer has it', [newer], lambda: newer.partitions == [0])
    newer.client.close()


@case('a subscription by pattern follows topics that appear later', deadline_s=30)
def pattern():
    prefix = unique('pattern')
    first = create_topic(what=f'{prefix}-a')
    member = Member(unique('group'), [f'^{prefix}-.*'], topic_metadata_refresh_interval_ms=500)
    topics = set()

    def seen():
        topics.update(partition.topic for partition in member.client.assignment())
        return topics

    until('the first topic', [member], lambda: seen() == {first})
    second = create_topic(what=f'{prefix}-b')
    create_topic(what='other')
    until('the second topic', [member], lambda: seen() == {first, second})
    member.client.close()


@case('a group moves its offsets back when it is told to, and reads again')
def rewind():
    topic, group = create_topic(), unique('group')
    produce(topic, [b'0', b'1', b'2'])
    member = Member(group, [topic])
    until('all', [member], lambda: len(member.messages) == 3)
    member.client.commit(asynchronous=False)
    member.client.seek(TopicPartition(topic, 0, 1))
    equal(values(read(member.client, 2)), [b'1', b'2'], 'after a seek')
    equal(member.client.committed([TopicPartition(topic, 0)], 5)[0].offset, 3, 'committed')
    member.client.commit(offsets=[TopicPartition(topic, 0, 0)], asynchronous=False)
    member.client.close()
    again = Member(group, [topic])
    until('all, again', [again], lambda: len(again.messages) == 3)
    again.client.close()


main()
