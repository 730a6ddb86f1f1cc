"""What the cases of nats-py share: a client of the suite's broker, and servers with flags of their own."""

import asyncio
import contextlib
import json
import os
import re
import uuid

import nats

from harness import equal

PATIENCE_S = 10

_LISTENING = re.compile(r'Listening for client connections on (.+):(\d+)')


def runs(function):
    """A case that awaits."""

    def run():
        asyncio.run(function())

    run.__name__ = function.__name__
    return run


def subject(*words):
    """Words below one that no other case uses."""
    return '.'.join([f's{uuid.uuid4().hex[:12]}', *words])


@contextlib.asynccontextmanager
async def client(url=None, **options):
    options = {'allow_reconnect': False, 'error_cb': _quiet, **options}
    connection = await nats.connect(url or f'nats://{os.environ["POLYMQ_NATS"]}', **options)
    try:
        yield connection
    finally:
        await connection.close()


async def _quiet(_error):
    """What a case expects is raised to it; nats-py would print a stack besides."""


class Server:
    """A nats-server, or what starts in its place."""

    def __init__(self, process, host, port):
        self.process = process
        self.host = host
        self.port = port

    def url(self, login='', scheme='nats'):
        return f'{scheme}://{login}{"@" if login else ""}{self.host}:{self.port}'

    async def stop(self):
        if self.process.returncode is None:
            self.process.terminate()
        await self.process.wait()


async def start_server(*flags):
    command = json.loads(os.environ['POLYMQ_NATS_SERVER'])
    process = await asyncio.create_subprocess_exec(
        *command, '-a', '127.0.0.1', *flags, stderr=asyncio.subprocess.PIPE
    )
    said = []
    while True:
        line = (await asyncio.wait_for(process.stderr.readline(), PATIENCE_S)).decode()
        if line == '':
            raise AssertionError(f'the server did not start: {"".join(said)}')
        said.append(line)
        if 'Server is ready' in line:
            break
    host, port = _LISTENING.search(''.join(said)).groups()
    return Server(process, host, int(port))


@contextlib.asynccontextmanager
async def server(*flags):
    started = await start_server('-p', '-1', *flags)
    try:
        yield started
    finally:
        await started.stop()


async def next_messages(subscription, count):
    return [await subscription.next_msg(timeout=PATIENCE_S) for _ in range(count)]


async def refused(kind, **options):
    """The error of that kind with which a connection is refused."""
    try:
        async with client(**options):
            pass
    except kind as error:
        return error
    raise AssertionError(f'{kind} was not raised')


async def hears(connection, name, body):
    """Whether what is published there comes back to the same client."""
    subscription = await connection.subscribe(name)
    await connection.publish(name, body)
    (message,) = await next_messages(subscription, 1)
    equal(message.data, body)
