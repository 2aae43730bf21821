"""The name of a file in, the token in it out: without waiting for ever, whatever the file is.

A file is read as it is, and so is what a link leads to, as where secrets are mounted. A pipe, such
as the ``/dev/fd/63`` that ``<(pass show reviewer)`` is, is waited for as long as a daemon would be.
Nothing else is read: a device may never end.
"""

from __future__ import annotations

import os
import select
import stat
from time import monotonic

from engine.cli.bundle import leave
from engine.language.render import inert

SECONDS = 10.0
"""How long a pipe may take until all of the token has come."""

MOST_BYTES = 65_536
"""More than any token has that a daemon takes."""


class NoToken(Exception):
    """There is none to be had; the text says why, and never repeats what was read."""


def read_token(file: str) -> str:
    """Return the token in *file*, or nothing without one; exit where it cannot be read."""
    if not file:
        return ""
    try:
        return token_in(read_briefly(file, SECONDS))
    except OSError as error:
        why = error.strerror or str(error)
    except (NoToken, ValueError) as error:
        why = str(error)
    return leave(f"cannot read the token in {inert(file)}: {inert(why)}")


def token_in(data: bytes) -> str:
    """Return the token that *data* is, without the blanks around it. Raises NoToken."""
    token = data.strip()
    if not token:
        raise NoToken("it is empty")
    if not (token.isascii() and token.decode("ascii").isprintable()):
        raise NoToken("a token is one line of printable ASCII")
    return token.decode("ascii")


def read_briefly(file: str, seconds: float) -> bytes:
    """Return what *file* holds, or what comes through it within *seconds*.

    Raises OSError and NoToken, and ValueError for what is no path.
    """
    place = os.open(file, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
    try:
        kind = os.fstat(place).st_mode
        if not (stat.S_ISREG(kind) or stat.S_ISFIFO(kind)):
            raise NoToken("it is no file and no pipe")
        return read_all(place, monotonic() + seconds)
    finally:
        os.close(place)


def read_all(place: int, until: float) -> bytes:
    """Return what can be read from *place*. Raises OSError and NoToken."""
    comes = select.poll()
    comes.register(place, select.POLLIN)
    found = bytearray()
    while len(found) <= MOST_BYTES:
        # A pipe that nobody has written into yet is not at its end: poll waits, and read does not.
        if not comes.poll(max(0.0, until - monotonic()) * 1000):
            raise NoToken("nobody has written all of it into the pipe")
        part = os.read(place, MOST_BYTES)
        if not part:
            return bytes(found)
        found += part
    raise NoToken(f"it has more than {MOST_BYTES:,} bytes")
