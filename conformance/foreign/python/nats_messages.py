"""Publish, subscribe and request with nats-py."""

import asyncio

import nats
from nats.errors import NoRespondersError, TimeoutError

from harness import case, equal, main
from nats_support import PATIENCE_S, client, hears, next_messages, runs, subject


@case('what is published is heard by those whose subjects fit')
@runs
async def wildcards():
    root = subject()
    async with client() as publisher, client() as listener:
        whole = await listener.subscribe(f'{root}.eu.orders')
        word = await listener.subscribe(f'{root}.*.orders')
        rest = await listener.subscribe(f'{root}.>')
        await listener.flush()
        for region in ('us', 'eu'):
            await publisher.publish(f'{root}.{region}.orders', region.encode())
        await publisher.publish(f'{root}.eu.orders.late', b'x')
        equal([m.data for m in await next_messages(whole, 1)], [b'eu'])
        equal([m.data for m in await next_messages(word, 2)], [b'us', b'eu'])
        equal([m.data for m in await next_messages(rest, 3)], [b'us', b'eu', b'x'])
        equal([s.pending_msgs for s in (whole, word, rest)], [0, 0, 0])


@case('a request is answered, and so are a hundred at once')
@runs
async def requests():
    name = subject('service')
    async with client() as service, client() as asker:

        async def answer(message):
            await message.respond(b're: ' + message.data)

        await service.subscribe(name, cb=answer)
        await service.flush()
        reply = await asker.request(name, b'one', timeout=PATIENCE_S)
        equal(reply.data, b're: one')
        asked = [asker.request(name, str(n).encode(), timeout=PATIENCE_S) for n in range(100)]
        answers = await asyncio.gather(*asked)
        equal([a.data for a in answers], [f're: {n}'.encode() for n in range(100)])


@case('a request that nobody hears fails at once')
@runs
async def no_responders():
    async with client() as asker:
        try:
            await asker.request(subject('nobody'), b'x', timeout=PATIENCE_S)
        except NoRespondersError:
            return
    raise AssertionError('it was answered')


@case('of a queue group one member hears each message')
@runs
async def queue_groups():
    name = subject('tasks')
    async with client() as publisher, client() as one, client() as other:
        subscriptions = [await each.subscribe(name, queue='workers') for each in (one, other)]
        everybody = await one.subscribe(name)
        for each in (one, other):
            await each.flush()
        for number in range(100):
            await publisher.publish(name, str(number).encode())
        await publisher.flush()
        equal(len(await next_messages(everybody, 100)), 100)
        # A round trip of each: whatever was for it has come.
        for each in (one, other):
            await each.flush()
        shares = [each.pending_msgs for each in subscriptions]
        equal(sum(shares), 100, 'messages of the group')
        equal(min(shares) > 0, True, f'a share of each: {shares}')


@case('headers arrive as they were given, and a client that knows none gets the message')
@runs
async def headers():
    name = subject('headers')
    async with client() as connection:
        subscription = await connection.subscribe(name)
        given = {'Content-Type': 'text/plain', 'X-Empty': '', 'x-Case': 'a: b'}
        await connection.publish(name, b'body', headers=given)
        await connection.publish(name, b'', headers={'only': 'headers'})
        await connection.publish(name, b'none')
        first, second, third = await next_messages(subscription, 3)
        equal((first.headers, first.data), (given, b'body'))
        equal((second.headers, second.data), ({'only': 'headers'}, b''))
        equal((third.headers, third.data), (None, b'none'))


@case('a subscription ends after so many messages')
@runs
async def unsubscribe_after():
    name = subject('few')
    async with client() as connection, client() as other:
        subscription = await connection.subscribe(name)
        await subscription.unsubscribe(limit=3)
        await connection.flush()
        for number in range(5):
            await other.publish(name, str(number).encode())
        await other.flush()
        await connection.flush()
        got = [message.data async for message in subscription.messages]
        equal(got, [b'0', b'1', b'2'])


@case('a client without echo does not hear itself')
@runs
async def no_echo():
    name = subject('echo')
    async with client(no_echo=True) as silent, client() as other:
        own = await silent.subscribe(name)
        others = await other.subscribe(name)
        await other.flush()
        await silent.publish(name, b'mine')
        await silent.flush()
        equal([m.data for m in await next_messages(others, 1)], [b'mine'])
        await silent.flush()
        equal(own.pending_msgs, 0)


@case('drain lets what has come be worked off, then nothing comes any more')
@runs
async def drain():
    name = subject('drain')
    worked = []
    async with client() as publisher, client() as worker:

        async def work(message):
            await asyncio.sleep(0)
            worked.append(message.data)

        await worker.subscribe(name, cb=work)
        await worker.flush()
        for number in range(200):
            await publisher.publish(name, str(number).encode())
        await publisher.flush()
        # What was published is on its way to it.
        await worker.flush()
        await worker.drain()
        equal(worker.is_closed, True)
        equal(len(worked), 200)
        try:
            await publisher.request(name, b'late', timeout=PATIENCE_S)
        except NoRespondersError:
            return
        except TimeoutError:
            pass
    raise AssertionError('somebody still listens')


@case('a mebibyte arrives whole')
@runs
async def large():
    async with client() as connection:
        await hears(connection, subject('large'), b'0123456789abcdef' * 65_536)


@case('what is published before the connection is flushed is heard after it is closed')
@runs
async def close_flushes():
    name = subject('close')
    async with client() as listener:
        subscription = await listener.subscribe(name)
        await listener.flush()
        publisher = await nats.connect(listener.connected_url.geturl())
        for number in range(50):
            await publisher.publish(name, str(number).encode())
        await publisher.close()
        got = [m.data for m in await next_messages(subscription, 50)]
        equal(got, [str(number).encode() for number in range(50)])


main()
