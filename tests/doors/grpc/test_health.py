"""grpc.health.v1 and gRPC reflection, over each of the servers."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

import grpc
import pytest
from google.protobuf.descriptor_pb2 import FileDescriptorProto
from grpc_health.v1 import health_pb2
from grpc_reflection.v1alpha import reflection_pb2
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import (
    ProtoReflectionDescriptorDatabase,
)

from tests.doors.grpc.serving import PATIENCE, Channel, call, loop, policies, refused, run, serve

Status = health_pb2.HealthCheckResponse
ENGINE = "engine.v1.PolicyEngine"


def watch(channel: Channel, service: str = "") -> Any:
    """Return the call that tells how *service* is."""
    method = channel.unary_stream(
        "/grpc.health.v1.Health/Watch", None, health_pb2.HealthCheckResponse.FromString
    )
    return method(
        health_pb2.HealthCheckRequest(service=service).SerializeToString(), timeout=PATIENCE
    )


def last(answers: Any) -> None:
    """Read to the end, where grpcio's server may leave out what it said just before."""
    for one in answers:
        assert one.status == Status.NOT_SERVING


def test_who_watches_is_told_what_changes_and_that_it_ends() -> None:
    with serve(ready=False) as daemon, grpc.insecure_channel(daemon.address) as channel:
        answers, unknown = watch(channel, ENGINE), watch(channel, "nobody")
        assert next(answers).status == Status.NOT_SERVING
        assert next(unknown).status == Status.SERVICE_UNKNOWN
        loop().call_soon_threadsafe(daemon.gate.swap, policies())
        run(daemon.door.show_serving())
        assert next(answers).status == Status.SERVING
        run(daemon.door.drain(10))  # It does not wait for those who only watch.
        for one in (answers, unknown):
            error = refused(partial(last, one))
            assert error.code() is grpc.StatusCode.UNAVAILABLE
            assert "stopping" in error.details()


def test_nothing_serves_again_after_a_drain() -> None:
    with serve() as daemon:
        run(daemon.door.drain(0))
        run(daemon.door.show_serving())
        assert not any(daemon.door._health._serving.values())


def test_a_watcher_that_goes_leaves_the_others(channel: Channel) -> None:
    first, second = watch(channel), watch(channel)
    assert next(first).status == next(second).status == Status.SERVING
    first.cancel()
    assert watch(channel).next().status == Status.SERVING


def test_all_services_can_be_asked_for_at_once(channel: Channel) -> None:
    raw = call(channel, "grpc.health.v1.Health/List", b"")
    found = health_pb2.HealthListResponse.FromString(raw).statuses
    assert {name: one.status for name, one in found.items()} == {
        "": Status.SERVING,
        ENGINE: Status.SERVING,
        "engine.v1.Admin": Status.SERVING,
    }


@pytest.mark.parametrize("version", ["v1", "v1alpha"])
def test_reflection_tells_of_every_service_and_its_file(channel: Channel, version: str) -> None:
    method = channel.stream_stream(
        f"/grpc.reflection.{version}.ServerReflection/ServerReflectionInfo",
        reflection_pb2.ServerReflectionRequest.SerializeToString,
        reflection_pb2.ServerReflectionResponse.FromString,
    )
    (listed,) = method(
        iter([reflection_pb2.ServerReflectionRequest(list_services="")]), timeout=PATIENCE
    )
    names = [one.name for one in listed.list_services_response.service]
    assert {ENGINE, "grpc.health.v1.Health", f"grpc.reflection.{version}.ServerReflection"} <= set(
        names
    )

    def questions() -> Iterator[Any]:
        for name in (*names, "nobody.Knows"):
            yield reflection_pb2.ServerReflectionRequest(file_containing_symbol=name)

    *found, missing = method(questions(), timeout=PATIENCE)
    assert missing.error_response.error_code == grpc.StatusCode.NOT_FOUND.value[0]
    for name, one in zip(names, found, strict=True):
        files = map(
            FileDescriptorProto.FromString, one.file_descriptor_response.file_descriptor_proto
        )
        assert name in {f"{each.package}.{own.name}" for each in files for own in each.service}


def test_a_client_can_learn_the_protocol_by_reflection(channel: Channel) -> None:
    known = ProtoReflectionDescriptorDatabase(channel)
    assert ENGINE in known.get_services()
    file = known.FindFileContainingSymbol(ENGINE)
    assert "DecideRequest" in {one.name for one in file.message_type}
