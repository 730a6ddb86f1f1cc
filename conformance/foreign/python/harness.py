"""What the Python cases share: `file.py name` runs one of them; suites/python.ts reads their names."""

import os
import sys
import time
import traceback
import uuid

_cases = {}

PATIENCE_S = 10


def case(sentence, deadline_s=15):
    """Marks a function as a case. Both arguments are for suites/python.ts, which keeps the deadline."""

    def keep(function):
        _cases[function.__name__] = function
        return function

    return keep


def main():
    code = 0
    try:
        _cases[sys.argv[1]]()
    except BaseException:
        traceback.print_exc()
        code = 1
    sys.stdout.flush()
    sys.stderr.flush()
    # Not sys.exit: a client's threads may still wait for what failed to come.
    os._exit(code)


def unique(what):
    return f'{what}-{uuid.uuid4().hex[:12]}'


def equal(actual, expected, what='value'):
    if actual != expected:
        raise AssertionError(f'{what}: expected {_short(expected)}, got {_short(actual)}')


def raises(kind, function):
    """The exception of that kind that the call must raise."""
    try:
        function()
    except kind as error:
        return error
    raise AssertionError(f'{kind} was not raised')


def patiently(what, step, is_there, patience_s=PATIENCE_S):
    """Takes steps, each of which waits a little by itself, until it is there."""
    deadline = time.monotonic() + patience_s
    while not is_there():
        if time.monotonic() > deadline:
            raise AssertionError(f'did not happen in {patience_s} s: {what}')
        step()


def _short(value):
    text = repr(value)
    return text if len(text) <= 400 else f'{text[:400]}… ({len(text)} characters)'
