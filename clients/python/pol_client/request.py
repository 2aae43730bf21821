"""A request as its caller writes it -> the protobuf message.

The keys are those of the policy language: ``tenant``, ``user``, ``stage``, ``context`` … A group
can be its id alone or have attributes: ``tenant="north"`` or ``{"id": "north", "plan": "pro"}``.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from datetime import date, datetime, timedelta
from decimal import Decimal
from ipaddress import IPv4Address, IPv6Address
from typing import Any, Literal, Required, TypedDict

from pol_client._wire import engine_pb2 as wire
from pol_client.errors import InvalidRequest
from pol_client.results import Message, Violation

Stage = Literal["request", "response", "tool_call", "tool_result", "document", "tool_description"]
Capability = Literal["mask", "mask_stream", "wait", "route"]
Group = str | Mapping[str, object]
"""An id (or name), or a mapping with it and with what else is known."""

STAGES: dict[str, wire.Stage] = {
    "request": wire.STAGE_REQUEST,
    "response": wire.STAGE_RESPONSE,
    "tool_call": wire.STAGE_TOOL_CALL,
    "tool_result": wire.STAGE_TOOL_RESULT,
    "document": wire.STAGE_DOCUMENT,
    "tool_description": wire.STAGE_TOOL_DESCRIPTION,
}


class Usage(TypedDict, total=False):
    """What a model call costs: an estimate when deciding, the real figures when settling."""

    input_tokens: int | None
    output_tokens: int | None
    cost_usd: Decimal | str | float | None


class About(TypedDict, total=False):
    """Who asks, and what is known about it: what stays the same during an exchange."""

    tenant: Required[Group]
    user: Required[Group]
    model: Group | None
    session: Group | None
    source: Group | None
    """The caller's address: ``"192.0.2.1"`` or ``{"ip": …}``."""
    context: Mapping[str, object] | None
    capabilities: Iterable[Capability] | None
    """What you can carry out at this stage; None means everything."""


class Asked(TypedDict, total=False):
    """What stands at this point of the conversation."""

    content: str | None
    messages: Sequence[Message | Mapping[str, str]] | None
    """Instead of *content*: each scanned on its own."""
    tool: Group | None
    """Required at the tool stages: ``{"name": "refund", "server": "billing", "args": {…}}``."""
    usage: Usage | None
    approval: str
    """``Review.approval_token``, to be presented once."""
    request_id: str


class Request(About, Asked, total=False):
    """Everything that can be asked."""

    stage: Required[Stage]


class Opening(About, total=False):
    """What is known about a streamed response before its text."""

    stage: Stage
    """``"response"``, unless it is something else that streams."""
    tool: Group | None
    usage: Usage | None
    request_id: str


def build_request(asked: Mapping[str, object]) -> wire.DecideRequest:
    """Return the message for *asked*; raise InvalidRequest for what cannot be put on the wire."""
    message = wire.DecideRequest()
    attributes: dict[str, object] = {}
    for name, value in asked.items():
        if value is None:
            continue
        fill = FILL.get(name)
        if fill is None:
            raise refused(name, "no such part of a request")
        try:
            extra = fill(message, value)
        except (TypeError, ValueError, AttributeError, UnicodeError) as error:
            raise refused(name, f"cannot be sent ({type(error).__name__})") from error
        if extra:
            attributes[name] = extra
    if attributes:
        message.attributes_json = to_json(attributes, "attributes")
    return message


def build_usage(usage: Mapping[str, object]) -> wire.Usage:
    """Return the message for the figures that are known; raise InvalidRequest for what is none."""
    message = wire.Usage()
    for name, value in usage.items():
        match name:
            case "input_tokens" | "output_tokens" if value is not None:
                try:
                    setattr(message, name, value)
                except (TypeError, ValueError):
                    raise refused(f"usage.{name}", "expected a whole number of 64 bits") from None
            case "cost_usd" if value is not None:
                message.cost_usd = str(value)
            case "input_tokens" | "output_tokens" | "cost_usd":
                pass
            case _:
                raise refused(f"usage.{name}", "no such figure")
    return message


def refused(path: str, description: str) -> InvalidRequest:
    """Return the error for one wrong path that was found before anything was sent."""
    return InvalidRequest("the request cannot be sent", (Violation(path, description),))


def to_json(value: object, path: str) -> bytes:
    """Return *value* as JSON; raise InvalidRequest naming *path* when it has no JSON form."""
    try:
        return ENCODER.encode(value).encode()
    except (TypeError, ValueError, RecursionError) as error:
        raise refused(path, "has no JSON form") from error


def jsonable(value: object) -> object:
    """Return the JSON form in which the daemon reads a value that JSON does not know."""
    match value:
        case Decimal() | IPv4Address() | IPv6Address():
            return str(value)
        case datetime() | date():
            return value.isoformat()
        case timedelta():
            return f"PT{value.total_seconds():.6f}S"
        case AbstractSet():
            return sorted(value)
        case Mapping():
            return dict(value)
        case bytes() | bytearray() | memoryview():
            raise TypeError  # As a list of numbers no detector would read them.
        case Sequence():
            return list(value)
        case _:
            raise TypeError


ENCODER = json.JSONEncoder(ensure_ascii=False, allow_nan=False, default=jsonable)


def parts(value: object, lead: str) -> dict[str, Any]:
    """Return a group as a dictionary; *lead* names what a bare string stands for."""
    if isinstance(value, str):
        return {lead: value}
    if isinstance(value, dict | Mapping):
        return {name: inner for name, inner in value.items() if inner is not None}
    raise TypeError


def several(value: Any) -> Any:
    """Return *value*, which is said to be texts: one text alone would become its letters."""
    if isinstance(value, str):
        raise TypeError
    return value


Extra = dict[str, object] | None
# Invariant: a value of the wrong type makes protobuf raise, and build_request names the path. That
# is why the functions below take Any.


def fill_tenant(message: wire.DecideRequest, value: Any) -> Extra:
    """Set ``tenant.id``; return the other attributes."""
    if isinstance(value, str):  # Hot path, as below: most groups are an id alone.
        message.tenant_id = value
        return None
    group = parts(value, "id")
    message.tenant_id = group.pop("id", "")
    return group


def fill_user(message: wire.DecideRequest, value: Any) -> Extra:
    """Set ``user.id`` and ``user.roles``; return the other attributes."""
    if isinstance(value, str):
        message.user_id = value
        return None
    group = parts(value, "id")
    message.user_id = group.pop("id", "")
    message.user_roles.extend(several(group.pop("roles", ())))
    return group


def fill_stage(message: wire.DecideRequest, value: Any) -> Extra:
    """Set ``stage``."""
    stage = STAGES.get(value)
    if stage is None:
        raise refused("stage", f"must be one of {', '.join(STAGES)}")
    message.stage = stage
    return None


def fill_content(message: wire.DecideRequest, value: Any) -> Extra:
    """Set ``content``."""
    message.content = value
    return None


def fill_messages(message: wire.DecideRequest, value: Any) -> Extra:
    """Set the messages, each a Message or a mapping with ``role`` and ``text``."""
    for each in value:
        part = each if isinstance(each, Message) else Message(**each)
        message.messages.add(role=part.role, text=part.text)
    return None


def fill_context(message: wire.DecideRequest, value: Any) -> Extra:
    """Set ``context`` in its fast form."""
    message.context_json = to_json(value, "context")
    return None


def fill_model(message: wire.DecideRequest, value: Any) -> Extra:
    """Set the model; return the attributes that are not standard."""
    model = message.model
    model.SetInParent()
    if isinstance(value, str):
        model.name = value
        return None
    group = parts(value, "name")
    for name in ("name", "provider", "version"):
        if name in group:
            setattr(model, name, group.pop(name))
    return group


def fill_tool(message: wire.DecideRequest, value: Any) -> Extra:
    """Set the tool with its arguments; return the attributes that are not standard."""
    group = parts(value, "name")
    tool = message.tool
    tool.SetInParent()
    for name in ("name", "server"):
        if name in group:
            setattr(tool, name, group.pop(name))
    if "args" in group:
        tool.args_json = to_json(group.pop("args"), "tool.args")
    return group


def fill_session(message: wire.DecideRequest, value: Any) -> Extra:
    """Set the session."""
    session = message.session
    if isinstance(value, str):
        session.SetInParent()
        session.id = value
        return None
    group = parts(value, "id")
    session.id = group.pop("id", "")
    session.labels.extend(several(group.pop("labels", ())))
    session.turn = group.pop("turn", 0)
    return group


def fill_source(message: wire.DecideRequest, value: Any) -> Extra:
    """Set the caller's address."""
    group = parts(value, "ip")
    message.source_ip = str(group.pop("ip", ""))
    return group


def fill_usage(message: wire.DecideRequest, value: Any) -> Extra:
    """Set the known or estimated usage."""
    message.usage.CopyFrom(build_usage(value))
    return None


def fill_capabilities(message: wire.DecideRequest, value: Any) -> Extra:
    """Set what the caller can carry out."""
    message.capabilities.SetInParent()
    for name in value:
        setattr(message.capabilities, name, True)
    return None


def fill_request_id(message: wire.DecideRequest, value: Any) -> Extra:
    """Set the request's id."""
    message.request_id = value
    return None


def fill_approval(message: wire.DecideRequest, value: Any) -> Extra:
    """Set the token of an approval."""
    message.approval = value
    return None


FILL: dict[str, Callable[[wire.DecideRequest, Any], Extra]] = {
    "tenant": fill_tenant,
    "user": fill_user,
    "stage": fill_stage,
    "content": fill_content,
    "messages": fill_messages,
    "context": fill_context,
    "model": fill_model,
    "tool": fill_tool,
    "session": fill_session,
    "source": fill_source,
    "usage": fill_usage,
    "capabilities": fill_capabilities,
    "approval": fill_approval,
    "request_id": fill_request_id,
}
