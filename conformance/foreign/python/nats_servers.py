"""nats-py against servers with flags of their own: who may log in, TLS, bounds, coming back."""

import asyncio
import json
import os
import ssl
import tempfile

import nats
from nats.errors import MaxPayloadError

from harness import case, equal, main
from nats_support import (
    PATIENCE_S,
    client,
    hears,
    next_messages,
    refused,
    runs,
    server,
    start_server,
    subject,
)


def file_with(text):
    with tempfile.NamedTemporaryFile('w', suffix='.conf', delete=False) as file:
        file.write(text)
    return file.name


@case('a user has to give the password')
@runs
async def user_and_password():
    async with server('--user', 'app', '--pass', 's3cret') as started:
        async with client(started.url('app:s3cret')) as connection:
            equal(connection._server_info['auth_required'], True)
            await hears(connection, subject(), b'x')
        for login in ('app:wrong', 'nobody:s3cret', 'guest:guest', ''):
            error = await refused(nats.errors.Error, url=started.url(login))
            equal('Authorization Violation' in str(error), True, f'{login}: {error}')


@case('a token has to be the one that was set')
@runs
async def token():
    async with server('--auth', 's3cret') as started:
        async with client(started.url(), token='s3cret') as connection:
            await hears(connection, subject(), b'x')
        async with client(started.url('s3cret')) as connection:
            await hears(connection, subject(), b'x')
        await refused(nats.errors.Error, url=started.url(), token='wrong')


@case('users of a configuration; who gives none is another one')
@runs
async def users():
    config = file_with(
        'authorization { users [ {user: a, password: "b c"}, {user: d, password: e} ] }\n'
        'no_auth_user: d\n'
    )
    async with server('-c', config) as started:
        async with client(started.url(), user='a', password='b c') as one:
            async with client(started.url()) as other:
                name = subject()
                subscription = await one.subscribe(name)
                await one.flush()
                await other.publish(name, b'x')
                equal([m.data for m in await next_messages(subscription, 1)], [b'x'])
        await refused(nats.errors.Error, url=started.url('a:wrong'))


@case('a message larger than the server takes is refused before it is sent')
@runs
async def max_payload():
    async with server('-c', file_with('max_payload: 1000')) as started:
        async with client(started.url()) as connection:
            equal(connection.max_payload, 1000)
            await hears(connection, subject(), b'x' * 1000)
            try:
                await connection.publish(subject(), b'x' * 1001)
            except MaxPayloadError:
                return
    raise AssertionError('it was taken')


def certificate(whose):
    """Files with a certificate and its key."""
    pair = json.loads(os.environ['POLYMQ_CERTIFICATES'])[whose]
    return file_with(pair['cert']), file_with(pair['key'])


@case('with certificates all goes through TLS, and clients may have to show one')
@runs
async def tls():
    cert, key = certificate('server')
    authority, _ = certificate('authority')
    context = ssl.create_default_context(cafile=authority)
    flags = ['--tls', '--tlscert', cert, '--tlskey', key]
    async with server(*flags, '--user', 'app', '--pass', 's3cret') as started:
        async with client(started.url('app:s3cret'), tls=context) as connection:
            equal(connection._server_info['tls_required'], True)
            await hears(connection, subject(), b'x' * 300_000)
        await refused(Exception, url=started.url('app:wrong'), tls=context)
        # One that trusts nobody who has signed it.
        strict = ssl.create_default_context()
        await refused(ssl.SSLError, url=started.url('app:s3cret'), tls=strict)
    async with server(*flags, '--tlsverify', '--tlscacert', authority) as started:
        await refused(Exception, url=started.url(), tls=context)
        context.load_cert_chain(*certificate('client'))
        async with client(started.url(), tls=context) as connection:
            equal(connection._server_info.get('tls_verify'), True)
            await hears(connection, subject(), b'x')


@case('a client comes back to a server that was started again, with its subscriptions', deadline_s=30)
@runs
async def comes_back():
    first = await start_server('-p', '-1')
    back = asyncio.Event()

    async def reconnected():
        back.set()

    options = {'reconnect_time_wait': 0.1, 'max_reconnect_attempts': -1}
    async with client(
        first.url(), allow_reconnect=True, reconnected_cb=reconnected, **options
    ) as connection:
        name = subject()
        subscription = await connection.subscribe(name)
        await connection.flush()
        await first.stop()
        second = await start_server('-p', str(first.port))
        try:
            await asyncio.wait_for(back.wait(), PATIENCE_S)
            async with client(second.url()) as publisher:
                await publisher.publish(name, b'again')
            equal([m.data for m in await next_messages(subscription, 1)], [b'again'])
        finally:
            await second.stop()


main()
