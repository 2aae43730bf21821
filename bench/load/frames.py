"""A body in, the bytes of calls out: HTTP/2 and HTTP/1.1 requests that were written ahead.

All that a call changes is its stream's number, and eight letters where its body holds `MARK`: both
have their fixed places, so a call costs a copy of a template and some assignments. Header fields
are literals that touch no dynamic table.
"""

from __future__ import annotations

from dataclasses import dataclass

from bench.load.spec import MARK

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, RESET, SETTINGS, PING, GOAWAY, WINDOW = 0, 1, 3, 4, 6, 7, 8
ACK = END_STREAM = 1
END_HEADERS = 4
LARGEST_WINDOW = (1 << 31) - 1
FIRST_WINDOW = 65_535
LARGEST_FRAME = 16_384
LETTERS = len(MARK)
ALPHABET = bytes.maketrans(b"0123456789", b"abcdefghij")


@dataclass(frozen=True, slots=True)
class Template:
    """A call's bytes, and where its stream's number and its letters go."""

    raw: bytes
    streams: tuple[int, ...]
    marks: tuple[int, ...]
    weight: int
    """Its bytes that flow control counts."""

    def write(self, stream: bytes, call: int) -> bytearray:
        """Return the bytes of the call with that number on *stream*."""
        made = bytearray(self.raw)
        for place in self.streams:
            made[place : place + 4] = stream
        if self.marks:
            letters = name_of(call)
            for place in self.marks:
                made[place : place + LETTERS] = letters
        return made

    def parts(self, stream: bytes) -> list[bytes]:
        """Return its bytes on *stream*, cut where letters go."""
        made = bytearray(self.raw)
        for place in self.streams:
            made[place : place + 4] = stream
        begins = [0, *(place + LETTERS for place in self.marks)]
        return [
            bytes(made[begin:end])
            for begin, end in zip(begins, [*self.marks, len(made)], strict=True)
        ]


def name_of(call: int) -> bytes:
    """Return the letters of the call with that number: no detector takes them for a number."""
    return (b"%08d" % (call % 100_000_000)).translate(ALPHABET)


def places(raw: bytes, what: bytes) -> tuple[int, ...]:
    """Return where *what* stands in *raw*."""
    found, at = [], raw.find(what)
    while at >= 0:
        found.append(at)
        at = raw.find(what, at + len(what))
    return tuple(found)


def frame(kind: int, flags: int, stream: int, body: bytes) -> bytes:
    """Return an HTTP/2 frame."""
    return len(body).to_bytes(3, "big") + bytes((kind, flags)) + stream.to_bytes(4, "big") + body


def literal(name: str, value: str) -> bytes:
    """Return a header field: a literal with a new name, without indexing."""
    parts = (name.encode(), value.encode())
    assert all(len(one) < 127 for one in parts)
    return b"\x00" + b"".join(bytes((len(one),)) + one for one in parts)


def head(authority: str, path: str, scheme: str) -> bytes:
    """Return the header block of a gRPC call."""
    fields = {
        ":method": "POST",
        ":scheme": scheme,
        ":path": path,
        ":authority": authority,
        "content-type": "application/grpc",
        "te": "trailers",
    }
    return b"".join(literal(name, value) for name, value in fields.items())


def message(raw: bytes) -> bytes:
    """Return *raw* as a gRPC message."""
    return b"\0" + len(raw).to_bytes(4, "big") + raw


def data_frames(body: bytes, last: int) -> list[bytes]:
    """Return *body* in DATA frames; the last has the flags *last*."""
    parts = [body[at : at + LARGEST_FRAME] for at in range(0, len(body), LARGEST_FRAME)]
    return [frame(DATA, last * (one is parts[-1]), 0, one) for one in parts]


def unary_template(block: bytes, raw: bytes) -> Template:
    """Return a call with the request *raw*, whose header block is given."""
    body = message(raw)
    return template([frame(HEADERS, END_HEADERS, 0, block), *data_frames(body, END_STREAM)])


def message_template(raw: bytes) -> Template:
    """Return a message on a stream that is open already."""
    return template(data_frames(message(raw), 0))


def template(frames: list[bytes]) -> Template:
    """Return the template of *frames*. No mark may lie on the border of two."""
    streams, marks, at = [], [], 0
    for one in frames:
        streams.append(at + 5)
        marks += [at + place for place in places(one, MARK)]
        at += len(one)
    weight = sum(len(one) - 9 for one in frames if one[3] == DATA)
    return Template(b"".join(frames), tuple(streams), tuple(marks), weight)


def http1_template(authority: str, path: str, raw: bytes) -> Template:
    """Return a POST of the JSON document *raw*."""
    lines = (
        f"POST {path} HTTP/1.1",
        f"Host: {authority}",
        "Content-Type: application/json",
        f"Content-Length: {len(raw)}",
    )
    made = "\r\n".join([*lines, "", ""]).encode() + raw
    return Template(made, (), places(made, MARK), len(raw))


def greeting() -> bytes:
    """Return what a connection begins with: windows so wide that the server never waits."""
    window = (4).to_bytes(2, "big") + LARGEST_WINDOW.to_bytes(4, "big")
    more = (LARGEST_WINDOW - FIRST_WINDOW).to_bytes(4, "big")
    return PREFACE + frame(SETTINGS, 0, 0, window) + frame(WINDOW, 0, 0, more)
