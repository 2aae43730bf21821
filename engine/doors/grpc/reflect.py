"""Names of services in, the handlers of gRPC reflection out, by both names it goes by.

Its versions v1 and v1alpha have the same messages; the library knows the older one only, and newer
clients ask for the newer one first.
"""

from __future__ import annotations

from collections.abc import Sequence

import grpc
from google.protobuf.descriptor import FileDescriptor
from google.protobuf.descriptor_pb2 import FileDescriptorProto
from google.protobuf.descriptor_pool import DescriptorPool
from grpc_health.v1 import health_pb2
from grpc_reflection.v1alpha import reflection, reflection_pb2

from engine.wire import engine_pb2 as wire

OLD, NEW = "grpc.reflection.v1alpha", "grpc.reflection.v1"
NAMES = (f"{OLD}.ServerReflection", f"{NEW}.ServerReflection")


def reflection_handlers(services: Sequence[str]) -> list[grpc.GenericRpcHandler[bytes, bytes]]:
    """Return what tells of *services*, and of itself."""
    servicer = reflection.aio.ReflectionServicer((*services, *NAMES), described())  # type: ignore[attr-defined]
    asked = grpc.stream_stream_rpc_method_handler(
        servicer.ServerReflectionInfo,
        reflection_pb2.ServerReflectionRequest.FromString,
        reflection_pb2.ServerReflectionResponse.SerializeToString,
    )
    methods = {"ServerReflectionInfo": asked}
    return [grpc.method_handlers_generic_handler(name, methods) for name in NAMES]


def described() -> DescriptorPool:
    """Return the files of all that is served, and no others."""
    pool = DescriptorPool()
    for file in (wire.DESCRIPTOR, health_pb2.DESCRIPTOR, reflection_pb2.DESCRIPTOR):
        add(pool, file)
    pool.Add(renamed(reflection_pb2.DESCRIPTOR))
    return pool


def add(pool: DescriptorPool, file: FileDescriptor) -> None:
    """Add *file* to *pool*, behind what it needs. What is there already is left as it is."""
    for needed in file.dependencies:
        add(pool, needed)
    proto = FileDescriptorProto()
    file.CopyToProto(proto)
    pool.Add(proto)


def renamed(file: FileDescriptor) -> FileDescriptorProto:
    """Return reflection's *file* under its newer name."""
    proto = FileDescriptorProto()
    file.CopyToProto(proto)
    proto.name, proto.package = "grpc/reflection/v1/reflection.proto", NEW
    for message in proto.message_type:
        for one in message.field:
            if one.type_name:
                one.type_name = one.type_name.replace(OLD, NEW)
    for service in proto.service:
        for method in service.method:
            method.input_type = method.input_type.replace(OLD, NEW)
            method.output_type = method.output_type.replace(OLD, NEW)
    return proto
