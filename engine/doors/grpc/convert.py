"""The wire's messages <-> the runtime's requests and decisions.

Reading a protobuf map or Struct attribute by attribute costs about five times what parsing the
same as JSON does, so open-ended attributes travel as JSON bytes; the Struct form is for callers
that have one already.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from google.protobuf.json_format import Error, MessageToDict
from google.protobuf.struct_pb2 import Struct

from engine.runtime.decision import Decision, Escalation, Reason, Shadow, ThrottleState, plain
from engine.runtime.objections import Problem
from engine.runtime.record import MOST_MESSAGES
from engine.runtime.repeats import has_repeats
from engine.runtime.request import InvalidRequest
from engine.wire import engine_pb2 as wire

STAGES: dict[int, str] = {
    wire.STAGE_REQUEST: "request",
    wire.STAGE_RESPONSE: "response",
    wire.STAGE_TOOL_CALL: "tool_call",
    wire.STAGE_TOOL_RESULT: "tool_result",
    wire.STAGE_DOCUMENT: "document",
    wire.STAGE_TOOL_DESCRIPTION: "tool_description",
}

ACTIONS: dict[str, wire.Action] = {
    "allow": wire.ACTION_ALLOW,
    "redact": wire.ACTION_REDACT,
    "escalate": wire.ACTION_ESCALATE,
    "throttle": wire.ACTION_THROTTLE,
    "deny": wire.ACTION_DENY,
}

REVIEW_STATES: dict[str, wire.ReviewState] = {
    "open": wire.REVIEW_STATE_OPEN,
    "approved": wire.REVIEW_STATE_APPROVED,
    "rejected": wire.REVIEW_STATE_REJECTED,
    "edited": wire.REVIEW_STATE_EDITED,
    "expired": wire.REVIEW_STATE_EXPIRED,
}

CAPABILITIES = ("mask", "mask_stream", "wait", "route")
GROUPS = ("tenant", "user", "model", "tool", "session", "usage", "source")
NO_GROUP = f"must be an object, in one of {', '.join(GROUPS)}"

NEWER = "has fields that this engine does not know: it is older than what asks it"

decode_json = msgspec.json.Decoder().decode
encode_json = msgspec.json.Encoder(enc_hook=str, decimal_format="string").encode
Group = dict[str, object]


def read_standard(message: wire.DecideRequest) -> Group:
    """Return the runtime's request without ``context_json``, which the gate decodes itself.

    What is empty on the wire is absent, so that the schema's check names what is missing. Raises
    InvalidRequest for what no schema could accept.
    """
    problems = unknown(message)
    tenant: Group = {"id": message.tenant_id} if message.tenant_id else {}
    user: Group = {"id": message.user_id} if message.user_id else {}
    if message.user_roles:
        user["roles"] = list(message.user_roles)
    made: Group = {"tenant": tenant, "user": user}
    if message.request_id:
        made["request_id"] = message.request_id
    if message.approval:
        made["approval"] = message.approval
    if message.stage:
        made["stage"] = STAGES.get(message.stage, f"stage {message.stage}")
    if message.HasField("content"):
        made["content"] = message.content
    if len(message.messages) > MOST_MESSAGES:  # before millions are made into values
        told = f"{len(message.messages):,} messages, and the limit is {MOST_MESSAGES:,}"
        problems.append(Problem("messages", told))
    elif message.messages:
        made["messages"] = [{"role": each.role, "text": each.text} for each in message.messages]
    read_groups(message, made, problems)
    if message.attributes_json or message.HasField("attributes"):
        add_attributes(made, message, problems)
    if problems:
        raise InvalidRequest(tuple(problems))
    return made


def unknown(message: wire.DecideRequest) -> list[Problem]:
    """Return a problem where *message* has, anywhere, fields of a newer protocol, and drop these.

    What is said there might be what policies are about, and nobody would look at it.
    """
    size = message.ByteSize()
    message.DiscardUnknownFields()
    return [] if message.ByteSize() == size else [Problem("", NEWER)]


def read_groups(message: wire.DecideRequest, made: Group, problems: list[Problem]) -> None:
    """Put what is known beyond tenant, user and content into *made*."""
    if message.HasField("model"):
        made["model"] = read_texts(message.model, ("name", "provider", "version"))
    if message.HasField("tool"):
        made["tool"] = read_tool(message.tool, problems)
    if message.HasField("session"):
        made["session"] = read_session(message.session)
    if message.HasField("usage"):
        made["usage"] = read_usage(message.usage)
    if message.source_ip:
        made["source"] = {"ip": message.source_ip}
    if message.HasField("capabilities"):
        able = message.capabilities
        made["capabilities"] = [name for name in CAPABILITIES if getattr(able, name)]
    if message.HasField("context"):
        made["context"] = read_struct(message.context, "context", problems)
        if message.context_json:
            problems.append(Problem("context", "is given twice"))


def read_whole(message: wire.DecideRequest) -> Group:
    """Return the runtime's request with its context."""
    made = read_standard(message)
    if message.context_json:
        problems: list[Problem] = []
        made["context"] = read_json(message.context_json, "context", problems)
        if problems:
            raise InvalidRequest(tuple(problems))
    return made


def read_json(raw: bytes, path: str, problems: list[Problem]) -> object:
    """Return the JSON value in *raw*, or nothing and a problem."""
    try:
        return decode_json(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        problems.append(Problem(path, "is not JSON"))
        return {}


def read_struct(struct: Struct, path: str, problems: list[Problem]) -> object:
    """Return the object that *struct* holds, or nothing and a problem."""
    try:
        return MessageToDict(struct)
    except (Error, ValueError):  # which of them depends on protobuf's version
        problems.append(Problem(path, "holds a number that is not finite"))
        return {}


def add_attributes(made: Group, message: wire.DecideRequest, problems: list[Problem]) -> None:
    """Put the attributes beyond the standard ones into their groups of *made*.

    Invariant: they never replace what has a field of its own, such as ``tenant.id``.
    """
    if message.HasField("attributes"):
        extra = read_struct(message.attributes, "attributes", problems)
        if message.attributes_json:
            problems.append(Problem("attributes", "is given twice"))
    else:
        extra = read_json(message.attributes_json, "attributes", problems)
    if not isinstance(extra, dict):
        problems.append(Problem("attributes", "must be a JSON object"))
        return
    for name, attributes in extra.items():
        if name not in GROUPS or not isinstance(attributes, dict):
            problems.append(Problem(f"attributes.{name}", NO_GROUP))
            continue
        group = made.get(name)
        given: Group = group if isinstance(group, dict) else {}
        twice = sorted(given.keys() & attributes)
        problems += (Problem(f"{name}.{each}", "is given twice") for each in twice)
        made[name] = {**attributes, **given}


def read_texts(message: wire.Model | wire.Tool, names: Sequence[str]) -> Group:
    """Return the texts that are not empty."""
    return {name: value for name in names if (value := getattr(message, name))}


def read_tool(tool: wire.Tool, problems: list[Problem]) -> Group:
    """Return the tool group."""
    group = read_texts(tool, ("name", "server"))
    if tool.HasField("args"):
        group["args"] = read_struct(tool.args, "tool.args", problems)
        if tool.args_json:
            problems.append(Problem("tool.args", "is given twice"))
    elif tool.args_json:
        group["args"] = read_arguments(tool.args_json, problems)
    return group


def read_arguments(raw: bytes, problems: list[Problem]) -> object:
    """Return the tool arguments in *raw*, or a problem: no JSON, or one that tools read otherwise.

    A model wrote them, and the tool will read *raw* again with a decoder of its own.
    """
    value = read_json(raw, "tool.args", problems)
    try:
        if has_repeats(raw, value) and not problems:
            problems.append(Problem("tool.args", "an object holds a name twice"))
    except RecursionError:
        problems.append(Problem("tool.args", "nested too deeply"))
    return value


def read_session(session: wire.Session) -> Group:
    """Return the session group."""
    group: Group = {"id": session.id} if session.id else {}
    if session.labels:
        group["labels"] = list(session.labels)
    if session.turn:
        group["turn"] = session.turn
    return group


def read_usage(usage: wire.Usage) -> Group:
    """Return the figures that are known."""
    group: Group = {
        name: getattr(usage, name)
        for name in ("input_tokens", "output_tokens")
        if usage.HasField(name)
    }
    if usage.cost_usd:
        group["cost_usd"] = usage.cost_usd
    return group


def write_decision(decision: Decision) -> wire.Decision:
    """Return the wire's decision."""
    answer = wire.Decision(
        request_id=decision.request_id,
        action=ACTIONS[decision.action],
        effective_action=ACTIONS[decision.effective_action],
        revision=decision.revision,
        decision_id=decision.decision_id,
        evaluated_in_ns=decision.evaluated_in,
        reserved=decision.reserved,
    )
    for reason in decision.reasons:
        write_reason(answer.reasons.add(), reason)
    write_rest(answer, decision)
    return answer


def write_rest(answer: wire.Decision, decision: Decision) -> None:
    """Fill what only some decisions say: most are to allow, or to deny, as it is."""
    if decision.throttle is not None:
        write_throttle(answer.throttle, decision.throttle)
    if decision.effective_action != decision.action:
        answer.downgrade_reason = decision.downgrade_reason
    if decision.degraded:
        answer.degraded = decision.degraded
    if decision.effective_action == "redact" or decision.redactions or decision.restored:
        write_redacted(answer, decision)
    if decision.escalation is not None:
        write_escalation(answer.escalation, decision.escalation)
    if decision.advice:
        answer.advice_json = encode_json(
            {name: plain(value) for name, value in decision.advice.items()}
        )
    if decision.labels:
        answer.labels.extend(decision.labels)
    if decision.shadow is not None:
        write_shadow(answer.shadow, decision.shadow)


def write_shadow(into: wire.Shadow, shadow: Shadow) -> None:
    """Fill what the shadow rules would have done."""
    into.action = ACTIONS[shadow.action]
    for reason in shadow.reasons:
        write_reason(into.reasons.add(), reason)


def write_reason(into: wire.Reason, reason: Reason) -> None:
    """Fill one reason."""
    into.policy = reason.policy
    into.action = ACTIONS[reason.action]
    for name in ("rule", "message", "severity", "owner", "failure", "place"):
        value = getattr(reason, name)
        if value:
            setattr(into, name, value)
    if reason.tags:
        into.tags.extend(reason.tags)


def write_throttle(into: wire.Throttle, state: ThrottleState) -> None:
    """Fill the limit that was met."""
    into.rule = state.rule
    into.unit = state.unit
    into.limit = f"{state.limit:f}"
    into.remaining = f"{state.remaining:f}"
    into.retry_after.FromTimedelta(state.retry_after)
    into.key = state.key
    if state.reset is not None:
        into.reset.FromTimedelta(state.reset)
    if state.window is not None:
        into.window.FromTimedelta(state.window)


def write_redacted(into: wire.Decision, decision: Decision) -> None:
    """Fill what to use instead of the original, and the spans that were replaced."""
    if decision.content is not None:
        into.content = decision.content
    if decision.messages is not None:
        into.messages.SetInParent()
        for message in decision.messages:
            into.messages.messages.add(role=message.role, text=message.text)
    if decision.arguments is not None:
        into.arguments_json = encode_json(decision.arguments)
    into.attributes.update(decision.attributes)
    into.restored = decision.restored
    for each in decision.redactions:
        into.redactions.add(
            path=each.path,
            start=each.start,
            end=each.end,
            entity=each.entity,
            strategy=each.strategy,
        )


def write_escalation(into: wire.Escalation, review: Escalation) -> None:
    """Fill the review that was opened or joined."""
    into.review_id = review.review_id
    into.queue = review.queue
    into.expires_at.FromDatetime(review.expires_at)
    into.otherwise = ACTIONS[review.otherwise]
    into.state = REVIEW_STATES[review.state]
    into.approvals_needed = review.needed
