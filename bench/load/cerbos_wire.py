"""The few messages of Cerbos' gRPC interface that a decision needs.

They are described here rather than imported, so that no package of its SDK has to be installed:
the numbers are those of ``cerbos/request/v1`` and ``cerbos/engine/v1``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, json_format, message_factory
from google.protobuf import struct_pb2 as struct

FILE = "bench/cerbos.proto"
PACKAGE = "bench.cerbos"
Field = descriptor_pb2.FieldDescriptorProto
STRING, MESSAGE, ENUM = Field.TYPE_STRING, Field.TYPE_MESSAGE, Field.TYPE_INT32
ONE, MANY = Field.LABEL_OPTIONAL, Field.LABEL_REPEATED
VALUE = ".google.protobuf.Value"

Fields = tuple[tuple[str, int, Any, Any, str], ...]
MESSAGES: Mapping[str, Fields] = {
    "Principal": (
        ("id", 1, STRING, ONE, ""),
        ("roles", 3, STRING, MANY, ""),
    ),
    "Resource": (
        ("kind", 1, STRING, ONE, ""),
        ("id", 3, STRING, ONE, ""),
        ("attr", 4, MESSAGE, MANY, f".{PACKAGE}.Attribute"),
        ("scope", 5, STRING, ONE, ""),
    ),
    "Attribute": (
        # An entry of the map<string, Value>, as maps are on the wire.
        ("key", 1, STRING, ONE, ""),
        ("value", 2, MESSAGE, ONE, VALUE),
    ),
    "Entry": (
        ("actions", 1, STRING, MANY, ""),
        ("resource", 2, MESSAGE, ONE, f".{PACKAGE}.Resource"),
    ),
    "Request": (
        ("request_id", 1, STRING, ONE, ""),
        ("principal", 3, MESSAGE, ONE, f".{PACKAGE}.Principal"),
        ("resources", 4, MESSAGE, MANY, f".{PACKAGE}.Entry"),
    ),
    "Effect": (
        ("key", 1, STRING, ONE, ""),
        ("value", 2, ENUM, ONE, ""),
    ),
    "Result": (("actions", 2, MESSAGE, MANY, f".{PACKAGE}.Effect"),),
    "Response": (("results", 2, MESSAGE, MANY, f".{PACKAGE}.Result"),),
}


def described() -> Any:
    """Return the classes of the messages by name."""
    file = descriptor_pb2.FileDescriptorProto(name=FILE, package=PACKAGE, syntax="proto3")
    file.dependency.append(struct.DESCRIPTOR.name)
    for name, fields in MESSAGES.items():
        message = file.message_type.add(name=name)
        for field, number, kind, label, other in fields:
            named = {"type_name": other} if other else {}
            message.field.add(name=field, number=number, type=kind, label=label, **named)
    pool = descriptor_pool.DescriptorPool()
    pool.AddSerializedFile(struct.DESCRIPTOR.serialized_pb)
    pool.AddSerializedFile(file.SerializeToString())
    return {
        name: message_factory.GetMessageClass(pool.FindMessageTypeByName(f"{PACKAGE}.{name}"))
        for name in MESSAGES
    }


CLASSES = described()


def check_request(user: Mapping[str, Any], scope: str, attributes: Mapping[str, Any]) -> bytes:
    """Return a CheckResourcesRequest that asks whether *user* may."""
    made = CLASSES["Request"](request_id="r")
    made.principal.id = user["id"]
    made.principal.roles.extend(user["roles"])
    entry = made.resources.add(actions=["decide"])
    entry.resource.kind, entry.resource.id, entry.resource.scope = "content", "c", scope
    for key, value in attributes.items():
        json_format.ParseDict(value, entry.resource.attr.add(key=key).value)
    return bytes(made.SerializeToString())


def effect_of(raw: bytes) -> int:
    """Return the effect of a CheckResourcesResponse with one action."""
    ((effect,),) = (list(result.actions) for result in read(raw).results)
    return int(effect.value)


def read(raw: bytes) -> Any:
    """Return a CheckResourcesResponse."""
    return CLASSES["Response"].FromString(raw)
