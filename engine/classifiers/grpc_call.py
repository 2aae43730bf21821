"""Calls a model server over gRPC: ``engine.classifier.v1.Classifier/Classify``."""

from __future__ import annotations

from collections.abc import Sequence

import grpc
from google.protobuf.message import DecodeError

from engine.classifiers.call import ANSWER_BYTES, Failed, late
from engine.wire import classifier_pb2 as wire

METHOD = "/engine.classifier.v1.Classifier/Classify"

OPTIONS = (
    ("grpc.max_receive_message_length", ANSWER_BYTES),
    ("grpc.max_send_message_length", -1),
    ("grpc.enable_retries", 0),
    ("grpc.enable_http_proxy", 0),
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 2000),
)


class GrpcTransport:
    """One channel, which connects at the first call and again when it was lost."""

    def __init__(self, endpoint: str) -> None:
        """Prepare to call *endpoint*: ``grpc://host:port``, ``grpcs://…`` or ``unix:/path``."""
        scheme, _, place = endpoint.partition("://")
        if scheme == "grpcs":
            trusted = grpc.ssl_channel_credentials()
            self._channel = grpc.secure_channel(place, trusted, OPTIONS)
        else:
            self._channel = grpc.insecure_channel(place or endpoint, OPTIONS)
        self._call = self._channel.unary_unary(
            METHOD, wire.ClassifyRequest.SerializeToString, as_it_is
        )

    def classify(self, classifier: str, texts: Sequence[str], seconds: float) -> Sequence[object]:
        """Return the scores; raise Failed."""
        request = wire.ClassifyRequest(classifier=classifier, texts=texts)
        try:
            raw = self._call(request, timeout=seconds)
            return wire.ClassifyResponse.FromString(raw).scores
        except DecodeError:
            raise Failed("invalid", "its answer cannot be read") from None
        except grpc.RpcError as error:
            raise failure_of(error, seconds) from None

    def close(self) -> None:
        """Close the channel."""
        self._channel.close()


def as_it_is(raw: bytes) -> bytes:
    """Return *raw*: gRPC would log a message that cannot be read, and we would not."""
    return raw


def failure_of(error: grpc.RpcError, seconds: float) -> Failed:
    """Return what *error* means. Its own text is not repeated: the server may have written it."""
    assert isinstance(error, grpc.Call)
    match code := error.code():
        case grpc.StatusCode.DEADLINE_EXCEEDED:
            return Failed("timeout", late(seconds))
        case grpc.StatusCode.UNAVAILABLE:
            return Failed("unreachable", "it cannot be reached, or it ended the call")
        case grpc.StatusCode.CANCELLED:
            return Failed("ended", "the call was ended")
        case grpc.StatusCode.RESOURCE_EXHAUSTED:
            return Failed("invalid", "it has no room, or its answer is too long")
        case _:
            return Failed("status", f"it answered with the status {code.name}")
