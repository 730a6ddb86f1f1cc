"""pika's asynchronous connection: everything by callbacks, nothing waits."""

import pika
from pika.exceptions import ConnectionClosedByClient

from harness import PATIENCE_S, case, equal, main, unique
from pika_support import PERSISTENT, parameters


class Session:
    """A connection and one channel; `opened(session)` is called when both are there."""

    def __init__(self, opened, **changes):
        self.channel = None
        self.failure = None
        self._opened = opened
        self.connection = pika.SelectConnection(
            parameters(**changes),
            on_open_callback=lambda connection: connection.channel(on_open_callback=self._have),
            on_open_error_callback=self._fail,
            on_close_callback=self._end,
        )
        self.loop = self.connection.ioloop

    def run(self):
        """Until it is closed; fails if that was not by done()."""
        self.loop.call_later(PATIENCE_S, lambda: self._fail(None, f'not done in {PATIENCE_S} s'))
        self.loop.start()
        if self.failure is not None:
            raise AssertionError(f'{self.failure!r}')

    def done(self):
        if self.connection.is_open:
            self.connection.close()

    def _have(self, channel):
        self.channel = channel
        try:
            self._opened(self)
        except Exception as error:
            self._fail(None, error)

    def _fail(self, _, reason):
        self.failure = reason
        self.loop.stop()

    def _end(self, _, reason):
        # What a callback raises closes the connection too.
        if not isinstance(reason, ConnectionClosedByClient):
            self.failure = reason
        self.loop.stop()


@case('1,000 publishes in one go are confirmed each, in order, many by one answer')
def confirms():
    queue = unique('async-confirms')
    confirmed, tags = set(), []

    def publish(frame):
        session.channel.confirm_delivery(on_confirm)
        for number in range(1000):
            session.channel.basic_publish('', queue, b'%d' % number, PERSISTENT)

    def on_confirm(frame):
        equal(type(frame.method).__name__, 'Ack', 'answer')
        tag = frame.method.delivery_tag
        tags.append(tag)
        first = max(confirmed, default=0) + 1 if frame.method.multiple else tag
        confirmed.update(range(first, tag + 1))
        if len(confirmed) == 1000:
            session.channel.queue_delete(queue, callback=lambda deleted: finish(deleted.method))

    def finish(method):
        equal(method.message_count, 1000, 'messages in the queue')
        session.done()

    session = Session(lambda session: session.channel.queue_declare(queue, callback=publish))
    session.run()
    equal(confirmed, set(range(1, 1001)), 'confirmed')
    equal(tags, sorted(tags), 'order of confirms')


@case('a consumer gets what is published while it consumes, and stops when it cancels')
def consume():
    got = []

    def declared(frame):
        queue = frame.method.queue
        tag = session.channel.basic_consume(queue, on_message_callback=keep, callback=consuming)
        session.queue, session.tag = queue, tag

    def consuming(frame):
        equal(frame.method.consumer_tag, session.tag, 'tag')
        for number in range(100):
            session.channel.basic_publish('', session.queue, b'%d' % number)

    def keep(channel, method, properties, body):
        got.append(int(body))
        channel.basic_ack(method.delivery_tag)
        if len(got) == 100:
            channel.basic_cancel(session.tag, callback=lambda frame: session.done())

    session = Session(
        lambda session: session.channel.queue_declare('', exclusive=True, callback=declared)
    )
    session.run()
    equal(got, list(range(100)), 'messages')


@case('an unroutable mandatory message is returned before it is confirmed')
def returned_first():
    events = []

    def opened(session):
        session.channel.add_on_return_callback(lambda _, method, __, body: note('return', body))
        session.channel.confirm_delivery(lambda frame: note(type(frame.method).__name__, None))
        session.channel.basic_publish('', unique('nowhere'), b'lost', mandatory=True)

    def note(what, body):
        events.append((what, body))
        if what == 'Ack':
            session.done()

    session = Session(opened)
    session.run()
    equal(events, [('return', b'lost'), ('Ack', None)])


@case('a channel that the broker closes says why, and the next one works')
def channel_error():
    reasons = []

    def opened(session):
        session.channel.add_on_close_callback(closed)
        session.channel.queue_declare(unique('missing'), passive=True, callback=lambda _: None)

    def closed(channel, reason):
        reasons.append(reason.reply_code)
        session.connection.channel(on_open_callback=again)

    def again(channel):
        channel.queue_declare('', exclusive=True, callback=lambda frame: session.done())

    session = Session(opened)
    session.run()
    equal(reasons, [404], 'reasons')


@case('an exchange bound to an exchange passes messages on')
def exchange_to_exchange():
    source, target = unique('source'), unique('target')

    def opened(session):
        channel = session.channel
        steps = iter([
            lambda: channel.exchange_declare(source, 'topic', callback=step),
            lambda: channel.exchange_declare(target, 'fanout', auto_delete=True, callback=step),
            lambda: channel.exchange_bind(target, source, 'a.#', callback=step),
            lambda: channel.queue_declare('', exclusive=True, callback=step),
            lambda: channel.queue_bind(session.queue, target, callback=step),
            lambda: channel.basic_consume(session.queue, keep, auto_ack=True, callback=step),
            lambda: [channel.basic_publish(source, key, key) for key in ('b.a', 'a', 'a.b')],
            lambda: channel.exchange_unbind(target, source, 'a.#', callback=step),
            lambda: channel.basic_publish(source, 'a', 'late'),
            lambda: channel.exchange_delete(source, callback=step),
            session.done,
        ])

        def step(frame):
            session.queue = getattr(frame.method, 'queue', None) or session.queue
            next(steps)()

        def keep(channel, method, properties, body):
            got.append((method.exchange, body))
            # Twice: after the messages, then after a late one that must not come.
            if len(got) == 2:
                next(steps)()
                channel.add_callback(lambda frame: next(steps)(), [pika.spec.Exchange.UnbindOk])

        session.queue = ''
        next(steps)()

    got = []
    session = Session(opened)
    session.run()
    equal(got, [(source, b'a'), (source, b'a.b')], 'messages')


main()
