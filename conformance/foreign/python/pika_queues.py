"""Queues and the fate of messages, as pika's blocking connection sees them."""

import pika
from pika.exceptions import ChannelClosedByBroker, UnroutableError

from harness import case, equal, main, raises, unique
from pika_support import bodies, collect, connect, count_of, get, get_soon, pump


@case('basic.get: the next message and how many are left; none from an empty queue')
def basic_get():
    queue = unique('get')
    with connect() as connection:
        channel = connection.channel()
        channel.queue_declare(queue)
        equal(channel.basic_get(queue), (None, None, None), 'from an empty queue')
        for body in (b'a', b'b', b'c'):
            channel.basic_publish('', queue, body)
        method, _, body = channel.basic_get(queue)
        equal((body, method.message_count, method.redelivered), (b'a', 2, False))
        equal(get(channel, queue), b'b', 'the second')
        channel.close()
        channel = connection.channel()
        method, _, body = get_soon(connection, channel, queue)
        equal((body, method.message_count, method.redelivered), (b'a', 1, True), 'unacked, came back')


@case('a nacked message with requeue comes again in its old place, marked redelivered')
def nack_requeue():
    queue = unique('nack')
    with connect() as connection:
        channel = connection.channel()
        channel.queue_declare(queue)
        for body in (b'a', b'b', b'c'):
            channel.basic_publish('', queue, body)
        tags = [channel.basic_get(queue)[0].delivery_tag for _ in range(2)]
        channel.basic_nack(tags[-1], multiple=True, requeue=True)
        got = collect(channel, queue, 3, auto_ack=True)
        equal(bodies(got), [b'a', b'b', b'c'])
        equal([method.redelivered for method, _, _ in got], [True, True, False])


@case('a message that is rejected or nacked without requeue is gone')
def reject():
    queue = unique('reject')
    with connect() as connection:
        channel = connection.channel()
        channel.queue_declare(queue)
        for body in (b'a', b'b', b'c'):
            channel.basic_publish('', queue, body)
        channel.basic_reject(channel.basic_get(queue)[0].delivery_tag, requeue=False)
        channel.basic_nack(channel.basic_get(queue)[0].delivery_tag, requeue=False)
        equal(bodies(collect(channel, queue, 1, auto_ack=True)), [b'c'])
        equal(count_of(channel, queue), 0, 'left')


@case('basic.recover brings all unacked messages of the channel back')
def recover():
    queue = unique('recover')
    with connect() as connection:
        channel = connection.channel()
        channel.queue_declare(queue)
        for number in range(5):
            channel.basic_publish('', queue, b'%d' % number)
        got = []
        channel.basic_consume(queue, lambda _, method, __, body: got.append((method, body)))
        pump(connection, 'five messages', lambda: len(got) == 5)
        channel.basic_recover(requeue=True)
        pump(connection, 'five again', lambda: len(got) == 10)
        equal([body for _, body in got[5:]], [body for _, body in got[:5]], 'order')
        equal({method.redelivered for method, _ in got[5:]}, {True}, 'redelivered')


@case('prefetch bounds what is unacked, and an ack makes room for as many')
def prefetch():
    queue = unique('prefetch')
    with connect() as connection:
        channel = connection.channel()
        channel.queue_declare(queue)
        for number in range(30):
            channel.basic_publish('', queue, b'%d' % number)
        channel.basic_qos(prefetch_count=10)
        got = []
        channel.basic_consume(queue, lambda _, method, *rest: got.append(method.delivery_tag))
        pump(connection, 'ten messages', lambda: len(got) >= 10)
        connection.process_data_events(time_limit=0.2)
        equal(got, list(range(1, 11)), 'tags within the prefetch')
        channel.basic_ack(7, multiple=True)
        pump(connection, 'seven more', lambda: len(got) >= 17)
        connection.process_data_events(time_limit=0.2)
        equal(got, list(range(1, 18)), 'tags after an ack of seven')


@case('a mandatory message that no queue takes comes back, whole')
def mandatory():
    with connect() as connection:
        channel = connection.channel()
        channel.confirm_delivery()
        properties = pika.BasicProperties(message_id='m1', headers={'h': 'v'})
        nowhere = unique('nowhere')
        error = raises(
            UnroutableError,
            lambda: channel.basic_publish('', nowhere, b'body', properties, mandatory=True),
        )
        (returned,) = error.messages
        equal((returned.method.reply_code, returned.method.reply_text), (312, 'NO_ROUTE'))
        equal((returned.method.exchange, returned.method.routing_key), ('', nowhere))
        equal((returned.body, returned.properties.message_id), (b'body', 'm1'))
        equal(returned.properties.headers, {'h': 'v'}, 'headers')


@case('an exclusive queue is the connection’s own: locked to others, gone when it closes')
def exclusive():
    queue = unique('exclusive')
    owner, other = connect(), connect()
    owner.channel().queue_declare(queue, exclusive=True)
    error = raises(ChannelClosedByBroker, lambda: other.channel().queue_declare(queue, exclusive=True))
    equal(error.reply_code, 405, 'RESOURCE_LOCKED')
    error = raises(ChannelClosedByBroker, lambda: other.channel().basic_get(queue))
    equal(error.reply_code, 405, 'RESOURCE_LOCKED')
    owner.close()
    error = raises(ChannelClosedByBroker, lambda: other.channel().queue_declare(queue, passive=True))
    equal(error.reply_code, 404, 'NOT_FOUND')
    other.close()


@case('an auto-delete queue goes with its last consumer, not before its first')
def auto_delete():
    queue = unique('auto-delete')
    with connect() as connection:
        channel = connection.channel()
        channel.confirm_delivery()
        channel.queue_declare(queue, auto_delete=True)
        channel.basic_publish('', queue, b'waits')
        equal(count_of(channel, queue), 1, 'waiting without a consumer')
        tags = [channel.basic_consume(queue, lambda *_: None, auto_ack=True) for _ in range(2)]
        channel.basic_cancel(tags[0])
        equal(count_of(channel, queue), 0, 'with one consumer left')
        channel.basic_cancel(tags[1])
        error = raises(ChannelClosedByBroker, lambda: count_of(channel, queue))
        equal(error.reply_code, 404, 'NOT_FOUND')


@case('an exclusive consumer keeps others out until it is cancelled')
def exclusive_consumer():
    queue = unique('exclusive-consumer')
    with connect() as connection:
        channel = connection.channel()
        channel.queue_declare(queue)
        tag = channel.basic_consume(queue, lambda *_: None, exclusive=True)
        other = connection.channel()
        error = raises(ChannelClosedByBroker, lambda: other.basic_consume(queue, lambda *_: None))
        equal(error.reply_code, 403, 'ACCESS_REFUSED')
        channel.basic_cancel(tag)
        connection.channel().basic_consume(queue, lambda *_: None)


@case('purge and delete say how many messages they took; delete can insist on empty and unused')
def purge_and_delete():
    queue = unique('purge')
    with connect() as connection:
        channel = connection.channel()
        channel.confirm_delivery()
        channel.queue_declare(queue)
        for _ in range(4):
            channel.basic_publish('', queue, b'')
        channel.basic_get(queue)
        equal(channel.queue_purge(queue).method.message_count, 3, 'purged: all but the unacked')
        channel.basic_publish('', queue, b'')
        error = raises(
            ChannelClosedByBroker, lambda: connection.channel().queue_delete(queue, if_empty=True)
        )
        equal(error.reply_code, 406, 'PRECONDITION_FAILED')
        connection.channel().basic_consume(queue, lambda *_: None, auto_ack=True)
        error = raises(
            ChannelClosedByBroker, lambda: connection.channel().queue_delete(queue, if_unused=True)
        )
        equal(error.reply_code, 406, 'PRECONDITION_FAILED')
        connection.channel().queue_delete(queue)
        error = raises(ChannelClosedByBroker, lambda: count_of(connection.channel(), queue))
        equal(error.reply_code, 404, 'NOT_FOUND')


@case('a consumer is told when its queue is deleted under it')
def consumer_cancelled():
    queue = unique('deleted')
    with connect() as connection:
        channel = connection.channel()
        channel.queue_declare(queue)
        cancelled = []
        channel.add_on_cancel_callback(lambda frame: cancelled.append(frame.method.consumer_tag))
        tag = channel.basic_consume(queue, lambda *_: None)
        connection.channel().queue_delete(queue)
        pump(connection, 'the news', lambda: cancelled)
        equal(cancelled, [tag], 'cancelled consumers')
        equal(channel.is_open, True, 'the channel is open')


@case('an error closes its channel alone: the connection goes on with a new one')
def channel_error():
    with connect() as connection:
        bystander = connection.channel()
        channel = connection.channel()
        missing = unique('missing')
        error = raises(ChannelClosedByBroker, lambda: count_of(channel, missing))
        text = f"NOT_FOUND - no queue '{missing}' in vhost '/'"
        equal((error.reply_code, error.reply_text), (404, text))
        equal((channel.is_open, bystander.is_open, connection.is_open), (False, True, True))
        again = connection.channel(channel.channel_number)
        queue = unique('channel-error')
        again.queue_declare(queue, exclusive=True)
        error = raises(
            ChannelClosedByBroker, lambda: bystander.queue_declare(queue, auto_delete=True, exclusive=True)
        )
        equal(error.reply_code, 406, 'declared anew with other arguments')
        error = raises(ChannelClosedByBroker, lambda: publish_and_wait(connection.channel(), missing))
        equal(error.reply_code, 404, 'published to an exchange that is not there')
        again.basic_publish('', queue, b'still works')
        equal(get(again, queue), b'still works')


def publish_and_wait(channel, exchange):
    channel.basic_publish(exchange, 'key', b'')
    channel.queue_declare('', exclusive=True)


@case('the generator of BlockingChannel.consume gives up after its inactivity timeout')
def consume_generator():
    queue = unique('generator')
    with connect() as connection:
        channel = connection.channel()
        channel.queue_declare(queue)
        for number in range(3):
            channel.basic_publish('', queue, b'%d' % number)
        got = []
        for method, _, body in channel.consume(queue, inactivity_timeout=0.5):
            if method is None:
                break
            got.append(body)
            if len(got) < 3:
                channel.basic_ack(method.delivery_tag)
        equal(got, [b'0', b'1', b'2'])
        equal(channel.cancel(), 0, 'messages that pika had not handed out')
        channel.close()
        _, _, body = get_soon(connection, connection.channel(), queue)
        equal(body, b'2', 'the unacked one')


main()
