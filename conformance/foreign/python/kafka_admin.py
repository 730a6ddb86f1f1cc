"""The AdminClient of confluent-kafka."""

from confluent_kafka import TopicPartition
from confluent_kafka.admin import ConfigResource, NewTopic

from harness import PATIENCE_S, case, equal, main, patiently, raises, unique
from kafka_support import (
    KafkaError, KafkaException, admin, consumer, create_topic, error_code, produce, read, values,
)


kept = []


@case('a topic is created with its partitions, listed, and deleted')
def create_and_delete():
    client = admin()
    name = unique('topic')
    client.create_topics([NewTopic(name, 3, 1)])[name].result(PATIENCE_S)
    topic = client.list_topics(timeout=5).topics[name]
    equal(sorted(topic.partitions), [0, 1, 2], 'partitions')
    cluster = client.list_topics(timeout=5)
    leaders = {partition.leader for partition in topic.partitions.values()}
    equal(leaders, set(cluster.brokers), 'leaders')
    equal(cluster.controller_id in cluster.brokers, True, 'the controller is one of the brokers')
    equal(bool(cluster.cluster_id), True, 'the cluster has an id')
    client.delete_topics([name])[name].result(PATIENCE_S)
    equal(name in client.list_topics(timeout=5).topics, False, 'after its deletion')


@case('a topic that exists is not created again; one that does not is not deleted')
def twice():
    client = admin()
    name = create_topic()
    future = client.create_topics([NewTopic(name, 1, 1)])[name]
    error = raises(KafkaException, lambda: future.result(PATIENCE_S))
    equal(error_code(error), KafkaError.TOPIC_ALREADY_EXISTS, 'creating')
    missing = unique('missing')
    future = client.delete_topics([missing])[missing]
    error = raises(KafkaException, lambda: future.result(PATIENCE_S))
    equal(error_code(error), KafkaError.UNKNOWN_TOPIC_OR_PART, 'deleting')


@case('what cannot be is refused: a bad name, no partitions, no replicas, a bad setting')
def impossible():
    client = admin()
    for topic, code in (
        (NewTopic('no spaces here', 1, 1), KafkaError.TOPIC_EXCEPTION),
        (NewTopic(unique('topic'), 0, 1), KafkaError.INVALID_PARTITIONS),
        (NewTopic(unique('topic'), 1, 0), KafkaError.INVALID_REPLICATION_FACTOR),
        (NewTopic(unique('topic'), 1, 1, config={'retention.ms': 'soon'}), KafkaError.INVALID_CONFIG),
    ):
        future = client.create_topics([topic])[topic.topic]
        equal(error_code(future.exception(PATIENCE_S)), code, f'{topic.topic} {topic}')


@case('a creation that is only validated creates nothing')
def validate_only():
    client, name = admin(), unique('topic')
    client.create_topics([NewTopic(name, 2, 1)], validate_only=True)[name].result(PATIENCE_S)
    equal(name in client.list_topics(timeout=5).topics, False, 'in the list')


@case('the configuration of a topic and of a broker can be read')
def describe_configs():
    client = admin()
    name = create_topic(retention_ms='123456', retention_bytes='1000000')
    resource = ConfigResource(ConfigResource.Type.TOPIC, name)
    config = client.describe_configs([resource])[resource].result(PATIENCE_S)
    equal(config['retention.ms'].value, '123456', 'retention.ms')
    equal(config['retention.bytes'].value, '1000000', 'retention.bytes')
    equal(config['cleanup.policy'].value, 'delete', 'cleanup.policy')
    equal(config['retention.ms'].is_default, False, 'retention.ms is a default')
    equal(config['max.message.bytes'].is_default, True, 'max.message.bytes is a default')
    (broker,) = client.list_topics(timeout=5).brokers
    resource = ConfigResource(ConfigResource.Type.BROKER, str(broker))
    config = client.describe_configs([resource])[resource].result(PATIENCE_S)
    equal(config['auto.create.topics.enable'].value, 'true', 'auto.create.topics.enable')
    resource = ConfigResource(ConfigResource.Type.TOPIC, unique('missing'))
    error = raises(
        KafkaException, lambda: client.describe_configs([resource])[resource].result(PATIENCE_S)
    )
    equal(error_code(error), KafkaError.UNKNOWN_TOPIC_OR_PART, 'of a missing topic')


@case('a topic that is deleted and made anew starts empty, at offset 0')
def made_anew():
    client, name = admin(), create_topic()
    produce(name, [b'old'] * 5)
    client.delete_topics([name])[name].result(PATIENCE_S)
    client.create_topics([NewTopic(name, 1, 1)])[name].result(PATIENCE_S)
    (message,) = produce(name, [b'new'])
    equal(message.offset(), 0, 'offset')
    reader = consumer()
    reader.assign([TopicPartition(name, 0, 0)])
    equal(values(read(reader, 1)), [b'new'])
    reader.close()


@case('a consumer at work is told that its topic was deleted')
def deleted_under_consumer():
    client, name, errors = admin(), create_topic(), []
    produce(name, [b'x'])
    reader = consumer(
        topic_metadata_refresh_interval_ms=200, topic_metadata_propagation_max_ms=500
    )
    reader.subscribe([name])
    read(reader, 1)
    client.delete_topics([name])[name].result(PATIENCE_S)

    def poll():
        for message in reader.consume(1, timeout=0.1):
            errors.append(message.error().code())

    patiently('the consumer is told', poll, lambda: errors)
    equal(errors[0], KafkaError.UNKNOWN_TOPIC_OR_PART, 'error')
    # librdkafka 2.0.2 does not come back from destroying a consumer whose topic is gone.
    kept.append(reader)


@case('ten topics are created and deleted in one request each')
def many():
    client = admin()
    names = [unique('many') for _ in range(10)]
    for future in client.create_topics([NewTopic(name, 1, 1) for name in names]).values():
        future.result(PATIENCE_S)
    equal(set(names) <= set(client.list_topics(timeout=5).topics), True, 'listed')
    for future in client.delete_topics(names).values():
        future.result(PATIENCE_S)
    equal(set(names) & set(client.list_topics(timeout=5).topics), set(), 'listed after')


main()
