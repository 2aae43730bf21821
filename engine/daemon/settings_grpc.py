"""What callers may ask of the gRPC door at once: the settings of `grpc.limits`."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Annotated

from msgspec import Meta, Struct

from engine.doors.grpc.bounds import Bounds
from engine.doors.http2.limits import Limits as ConnectionLimits

MEGABYTE = 2**20
SECONDS = 86_400


def count(most: int, description: str, least: int = 1) -> Meta:
    """Return what a number from *least* to *most* is described by."""
    return Meta(ge=least, le=most, description=description)


def seconds(description: str, least: int = 1) -> Meta:
    """Return what a time is described by."""
    return count(SECONDS, description, least)


class GrpcLimits(Struct, frozen=True, kw_only=True):
    """Bounds of the lean server; grpcio's heeds `calls` alone."""

    connections: Annotated[
        int,
        count(
            1_000_000,
            "Connections at once; one more is closed. Fewer where the kernel "
            "allows fewer open files.",
        ),
    ] = 20_000
    calls: Annotated[
        int,
        count(
            1_000_000,
            "Calls that are answered at once (four times as many may be open); "
            "one more is refused with RESOURCE_EXHAUSTED. Of grpcio's server too.",
        ),
    ] = 10_000
    held_megabytes: Annotated[
        int,
        count(
            65_536,
            "Memory for requests that are not answered, of all callers together (or "
            "four of the largest messages); one more is refused with RESOURCE_EXHAUSTED.",
        ),
    ] = 256
    handshakes: Annotated[
        int, count(100_000, "Handshakes of TLS at once on a port; one more is closed.")
    ] = 1_000
    handshake_seconds: Annotated[int, seconds("How long one may take.")] = 10
    streams: Annotated[
        int,
        count(
            1_000_000,
            "Calls at once on a connection; one more is refused "
            "(REFUSED_STREAM), and asked again by its client.",
        ),
    ] = 1_000
    frame_bytes: Annotated[
        int,
        count(16_777_215, "The largest frame that is read and held.", 16_384),
    ] = 65_536
    header_bytes: Annotated[
        int,
        count(
            1_048_576,
            "Metadata of a call, decoded, against bombs of HPACK: more ends the "
            "call with RESOURCE_EXHAUSTED, four times as much the connection.",
            1_024,
        ),
    ] = 16_384
    block_bytes: Annotated[
        int,
        count(1_048_576, "Metadata as it comes, with its CONTINUATION frames.", 1_024),
    ] = 32_768
    continuations: Annotated[
        int, count(1_000, "CONTINUATION frames of a call, against floods of them.", 0)
    ] = 8
    window_bytes: Annotated[
        int,
        count(
            2**31 - 1,
            "What a call may send before it is read, against floods of data; more "
            "for long messages over slow lines.",
            16_384,
        ),
    ] = 1_048_576
    connection_bytes: Annotated[
        int,
        count(
            2**31 - 1,
            "The same for all calls of a connection together; at least `window_bytes`.",
            65_536,
        ),
    ] = 4_194_304
    resets: Annotated[
        int,
        count(
            1_000_000,
            "Calls that a client may take back or break at once, against rapid "
            "reset; two answers earn one more.",
        ),
    ] = 500
    resets_a_second: Annotated[int, count(1_000_000, "How many more a second.", 0)] = 100
    idle_frames: Annotated[
        int,
        count(
            1_000_000,
            "Frames at once that bring nothing on (PING, SETTINGS, PRIORITY, "
            "WINDOW_UPDATE, empty DATA), against floods of them; each request earns four more.",
        ),
    ] = 1_000
    idle_frames_a_second: Annotated[int, count(1_000_000, "How many more a second.", 0)] = 500
    turn_frames: Annotated[
        int, count(100_000, "Frames of a connection that are read before others have their turn.")
    ] = 512
    turn_fields: Annotated[
        int, count(100_000, "The same of fields of metadata that were not seen before.")
    ] = 1_024
    preface_seconds: Annotated[
        int, seconds("How long a connection may take to say what it is, against those that stall.")
    ] = 10
    request_seconds: Annotated[
        int, seconds("How long the one message of a call may take; then it is CANCELLED.")
    ] = 60
    stall_seconds: Annotated[
        int,
        seconds(
            "How long an answer waits for a client that does not read; then its call, or "
            "the connection, ends."
        ),
    ] = 60
    ping_seconds: Annotated[
        int,
        seconds(
            "Silence after which a client is asked (PING) whether it is there; 0 for never.", 0
        ),
    ] = 300
    answer_seconds: Annotated[
        int, seconds("How long it may take to say so; then its connection ends.")
    ] = 20
    idle_seconds: Annotated[
        int, seconds("How long a connection may have no call; 0 for as long as it wants.", 0)
    ] = 0


def bounds_of(limits: GrpcLimits, message_bytes: int, busy_poll_microseconds: int = 0) -> Bounds:
    """Return the bounds that *limits* ask for, with the largest message."""
    return Bounds(
        message_bytes=message_bytes,
        connections=limits.connections,
        calls=limits.calls,
        held_bytes=limits.held_megabytes * MEGABYTE,
        handshakes=limits.handshakes,
        handshake_seconds=limits.handshake_seconds,
        request_seconds=limits.request_seconds,
        busy_poll_seconds=busy_poll_microseconds / 1_000_000,
        connection=replace(
            ConnectionLimits(),
            **{name: getattr(limits, name) for name in OF_A_CONNECTION},
        ),
    )


OF_A_CONNECTION = tuple(
    one.name for one in fields(ConnectionLimits) if one.name in GrpcLimits.__struct_fields__
)
