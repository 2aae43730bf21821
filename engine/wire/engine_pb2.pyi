import datetime

from google.protobuf import duration_pb2 as _duration_pb2
from google.protobuf import struct_pb2 as _struct_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Stage(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    STAGE_UNSPECIFIED: _ClassVar[Stage]
    STAGE_REQUEST: _ClassVar[Stage]
    STAGE_RESPONSE: _ClassVar[Stage]
    STAGE_TOOL_CALL: _ClassVar[Stage]
    STAGE_TOOL_RESULT: _ClassVar[Stage]
    STAGE_DOCUMENT: _ClassVar[Stage]
    STAGE_TOOL_DESCRIPTION: _ClassVar[Stage]

class Action(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    ACTION_UNSPECIFIED: _ClassVar[Action]
    ACTION_ALLOW: _ClassVar[Action]
    ACTION_REDACT: _ClassVar[Action]
    ACTION_ESCALATE: _ClassVar[Action]
    ACTION_THROTTLE: _ClassVar[Action]
    ACTION_DENY: _ClassVar[Action]

class ReviewState(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    REVIEW_STATE_UNSPECIFIED: _ClassVar[ReviewState]
    REVIEW_STATE_OPEN: _ClassVar[ReviewState]
    REVIEW_STATE_APPROVED: _ClassVar[ReviewState]
    REVIEW_STATE_REJECTED: _ClassVar[ReviewState]
    REVIEW_STATE_EDITED: _ClassVar[ReviewState]
    REVIEW_STATE_EXPIRED: _ClassVar[ReviewState]
STAGE_UNSPECIFIED: Stage
STAGE_REQUEST: Stage
STAGE_RESPONSE: Stage
STAGE_TOOL_CALL: Stage
STAGE_TOOL_RESULT: Stage
STAGE_DOCUMENT: Stage
STAGE_TOOL_DESCRIPTION: Stage
ACTION_UNSPECIFIED: Action
ACTION_ALLOW: Action
ACTION_REDACT: Action
ACTION_ESCALATE: Action
ACTION_THROTTLE: Action
ACTION_DENY: Action
REVIEW_STATE_UNSPECIFIED: ReviewState
REVIEW_STATE_OPEN: ReviewState
REVIEW_STATE_APPROVED: ReviewState
REVIEW_STATE_REJECTED: ReviewState
REVIEW_STATE_EDITED: ReviewState
REVIEW_STATE_EXPIRED: ReviewState

class Message(_message.Message):
    __slots__ = ("role", "text")
    ROLE_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    role: str
    text: str
    def __init__(self, role: _Optional[str] = ..., text: _Optional[str] = ...) -> None: ...

class Model(_message.Message):
    __slots__ = ("name", "provider", "version")
    NAME_FIELD_NUMBER: _ClassVar[int]
    PROVIDER_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    name: str
    provider: str
    version: str
    def __init__(self, name: _Optional[str] = ..., provider: _Optional[str] = ..., version: _Optional[str] = ...) -> None: ...

class Tool(_message.Message):
    __slots__ = ("name", "server", "args_json", "args")
    NAME_FIELD_NUMBER: _ClassVar[int]
    SERVER_FIELD_NUMBER: _ClassVar[int]
    ARGS_JSON_FIELD_NUMBER: _ClassVar[int]
    ARGS_FIELD_NUMBER: _ClassVar[int]
    name: str
    server: str
    args_json: bytes
    args: _struct_pb2.Struct
    def __init__(self, name: _Optional[str] = ..., server: _Optional[str] = ..., args_json: _Optional[bytes] = ..., args: _Optional[_Union[_struct_pb2.Struct, _Mapping]] = ...) -> None: ...

class Session(_message.Message):
    __slots__ = ("id", "labels", "turn")
    ID_FIELD_NUMBER: _ClassVar[int]
    LABELS_FIELD_NUMBER: _ClassVar[int]
    TURN_FIELD_NUMBER: _ClassVar[int]
    id: str
    labels: _containers.RepeatedScalarFieldContainer[str]
    turn: int
    def __init__(self, id: _Optional[str] = ..., labels: _Optional[_Iterable[str]] = ..., turn: _Optional[int] = ...) -> None: ...

class Usage(_message.Message):
    __slots__ = ("input_tokens", "output_tokens", "cost_usd")
    INPUT_TOKENS_FIELD_NUMBER: _ClassVar[int]
    OUTPUT_TOKENS_FIELD_NUMBER: _ClassVar[int]
    COST_USD_FIELD_NUMBER: _ClassVar[int]
    input_tokens: int
    output_tokens: int
    cost_usd: str
    def __init__(self, input_tokens: _Optional[int] = ..., output_tokens: _Optional[int] = ..., cost_usd: _Optional[str] = ...) -> None: ...

class Capabilities(_message.Message):
    __slots__ = ("mask", "mask_stream", "wait", "route")
    MASK_FIELD_NUMBER: _ClassVar[int]
    MASK_STREAM_FIELD_NUMBER: _ClassVar[int]
    WAIT_FIELD_NUMBER: _ClassVar[int]
    ROUTE_FIELD_NUMBER: _ClassVar[int]
    mask: bool
    mask_stream: bool
    wait: bool
    route: bool
    def __init__(self, mask: _Optional[bool] = ..., mask_stream: _Optional[bool] = ..., wait: _Optional[bool] = ..., route: _Optional[bool] = ...) -> None: ...

class DecideRequest(_message.Message):
    __slots__ = ("request_id", "tenant_id", "user_id", "user_roles", "stage", "content", "messages", "context_json", "context", "attributes_json", "attributes", "model", "tool", "session", "usage", "source_ip", "capabilities")
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    TENANT_ID_FIELD_NUMBER: _ClassVar[int]
    USER_ID_FIELD_NUMBER: _ClassVar[int]
    USER_ROLES_FIELD_NUMBER: _ClassVar[int]
    STAGE_FIELD_NUMBER: _ClassVar[int]
    CONTENT_FIELD_NUMBER: _ClassVar[int]
    MESSAGES_FIELD_NUMBER: _ClassVar[int]
    CONTEXT_JSON_FIELD_NUMBER: _ClassVar[int]
    CONTEXT_FIELD_NUMBER: _ClassVar[int]
    ATTRIBUTES_JSON_FIELD_NUMBER: _ClassVar[int]
    ATTRIBUTES_FIELD_NUMBER: _ClassVar[int]
    MODEL_FIELD_NUMBER: _ClassVar[int]
    TOOL_FIELD_NUMBER: _ClassVar[int]
    SESSION_FIELD_NUMBER: _ClassVar[int]
    USAGE_FIELD_NUMBER: _ClassVar[int]
    SOURCE_IP_FIELD_NUMBER: _ClassVar[int]
    CAPABILITIES_FIELD_NUMBER: _ClassVar[int]
    request_id: str
    tenant_id: str
    user_id: str
    user_roles: _containers.RepeatedScalarFieldContainer[str]
    stage: Stage
    content: str
    messages: _containers.RepeatedCompositeFieldContainer[Message]
    context_json: bytes
    context: _struct_pb2.Struct
    attributes_json: bytes
    attributes: _struct_pb2.Struct
    model: Model
    tool: Tool
    session: Session
    usage: Usage
    source_ip: str
    capabilities: Capabilities
    def __init__(self, request_id: _Optional[str] = ..., tenant_id: _Optional[str] = ..., user_id: _Optional[str] = ..., user_roles: _Optional[_Iterable[str]] = ..., stage: _Optional[_Union[Stage, str]] = ..., content: _Optional[str] = ..., messages: _Optional[_Iterable[_Union[Message, _Mapping]]] = ..., context_json: _Optional[bytes] = ..., context: _Optional[_Union[_struct_pb2.Struct, _Mapping]] = ..., attributes_json: _Optional[bytes] = ..., attributes: _Optional[_Union[_struct_pb2.Struct, _Mapping]] = ..., model: _Optional[_Union[Model, _Mapping]] = ..., tool: _Optional[_Union[Tool, _Mapping]] = ..., session: _Optional[_Union[Session, _Mapping]] = ..., usage: _Optional[_Union[Usage, _Mapping]] = ..., source_ip: _Optional[str] = ..., capabilities: _Optional[_Union[Capabilities, _Mapping]] = ...) -> None: ...

class DecideBatchRequest(_message.Message):
    __slots__ = ("requests",)
    REQUESTS_FIELD_NUMBER: _ClassVar[int]
    requests: _containers.RepeatedCompositeFieldContainer[DecideRequest]
    def __init__(self, requests: _Optional[_Iterable[_Union[DecideRequest, _Mapping]]] = ...) -> None: ...

class DecideBatchResponse(_message.Message):
    __slots__ = ("decisions",)
    DECISIONS_FIELD_NUMBER: _ClassVar[int]
    decisions: _containers.RepeatedCompositeFieldContainer[Decision]
    def __init__(self, decisions: _Optional[_Iterable[_Union[Decision, _Mapping]]] = ...) -> None: ...

class Reason(_message.Message):
    __slots__ = ("policy", "rule", "action", "message", "severity", "tags", "owner", "failure", "place")
    POLICY_FIELD_NUMBER: _ClassVar[int]
    RULE_FIELD_NUMBER: _ClassVar[int]
    ACTION_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    SEVERITY_FIELD_NUMBER: _ClassVar[int]
    TAGS_FIELD_NUMBER: _ClassVar[int]
    OWNER_FIELD_NUMBER: _ClassVar[int]
    FAILURE_FIELD_NUMBER: _ClassVar[int]
    PLACE_FIELD_NUMBER: _ClassVar[int]
    policy: str
    rule: str
    action: Action
    message: str
    severity: str
    tags: _containers.RepeatedScalarFieldContainer[str]
    owner: str
    failure: str
    place: str
    def __init__(self, policy: _Optional[str] = ..., rule: _Optional[str] = ..., action: _Optional[_Union[Action, str]] = ..., message: _Optional[str] = ..., severity: _Optional[str] = ..., tags: _Optional[_Iterable[str]] = ..., owner: _Optional[str] = ..., failure: _Optional[str] = ..., place: _Optional[str] = ...) -> None: ...

class Redaction(_message.Message):
    __slots__ = ("path", "start", "end", "entity", "strategy")
    PATH_FIELD_NUMBER: _ClassVar[int]
    START_FIELD_NUMBER: _ClassVar[int]
    END_FIELD_NUMBER: _ClassVar[int]
    ENTITY_FIELD_NUMBER: _ClassVar[int]
    STRATEGY_FIELD_NUMBER: _ClassVar[int]
    path: str
    start: int
    end: int
    entity: str
    strategy: str
    def __init__(self, path: _Optional[str] = ..., start: _Optional[int] = ..., end: _Optional[int] = ..., entity: _Optional[str] = ..., strategy: _Optional[str] = ...) -> None: ...

class Throttle(_message.Message):
    __slots__ = ("rule", "unit", "limit", "remaining", "retry_after", "key")
    RULE_FIELD_NUMBER: _ClassVar[int]
    UNIT_FIELD_NUMBER: _ClassVar[int]
    LIMIT_FIELD_NUMBER: _ClassVar[int]
    REMAINING_FIELD_NUMBER: _ClassVar[int]
    RETRY_AFTER_FIELD_NUMBER: _ClassVar[int]
    KEY_FIELD_NUMBER: _ClassVar[int]
    rule: str
    unit: str
    limit: str
    remaining: str
    retry_after: _duration_pb2.Duration
    key: str
    def __init__(self, rule: _Optional[str] = ..., unit: _Optional[str] = ..., limit: _Optional[str] = ..., remaining: _Optional[str] = ..., retry_after: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., key: _Optional[str] = ...) -> None: ...

class Escalation(_message.Message):
    __slots__ = ("review_id", "queue", "expires_at", "otherwise")
    REVIEW_ID_FIELD_NUMBER: _ClassVar[int]
    QUEUE_FIELD_NUMBER: _ClassVar[int]
    EXPIRES_AT_FIELD_NUMBER: _ClassVar[int]
    OTHERWISE_FIELD_NUMBER: _ClassVar[int]
    review_id: str
    queue: str
    expires_at: _timestamp_pb2.Timestamp
    otherwise: Action
    def __init__(self, review_id: _Optional[str] = ..., queue: _Optional[str] = ..., expires_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., otherwise: _Optional[_Union[Action, str]] = ...) -> None: ...

class Shadow(_message.Message):
    __slots__ = ("action", "reasons")
    ACTION_FIELD_NUMBER: _ClassVar[int]
    REASONS_FIELD_NUMBER: _ClassVar[int]
    action: Action
    reasons: _containers.RepeatedCompositeFieldContainer[Reason]
    def __init__(self, action: _Optional[_Union[Action, str]] = ..., reasons: _Optional[_Iterable[_Union[Reason, _Mapping]]] = ...) -> None: ...

class Violation(_message.Message):
    __slots__ = ("path", "description")
    PATH_FIELD_NUMBER: _ClassVar[int]
    DESCRIPTION_FIELD_NUMBER: _ClassVar[int]
    path: str
    description: str
    def __init__(self, path: _Optional[str] = ..., description: _Optional[str] = ...) -> None: ...

class Error(_message.Message):
    __slots__ = ("code", "message", "violations")
    CODE_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    VIOLATIONS_FIELD_NUMBER: _ClassVar[int]
    code: int
    message: str
    violations: _containers.RepeatedCompositeFieldContainer[Violation]
    def __init__(self, code: _Optional[int] = ..., message: _Optional[str] = ..., violations: _Optional[_Iterable[_Union[Violation, _Mapping]]] = ...) -> None: ...

class Messages(_message.Message):
    __slots__ = ("messages",)
    MESSAGES_FIELD_NUMBER: _ClassVar[int]
    messages: _containers.RepeatedCompositeFieldContainer[Message]
    def __init__(self, messages: _Optional[_Iterable[_Union[Message, _Mapping]]] = ...) -> None: ...

class Decision(_message.Message):
    __slots__ = ("request_id", "action", "effective_action", "reasons", "content", "messages", "arguments_json", "redactions", "throttle", "escalation", "advice_json", "revision", "decision_id", "evaluated_in_ns", "error", "downgrade_reason", "labels", "shadow")
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    ACTION_FIELD_NUMBER: _ClassVar[int]
    EFFECTIVE_ACTION_FIELD_NUMBER: _ClassVar[int]
    REASONS_FIELD_NUMBER: _ClassVar[int]
    CONTENT_FIELD_NUMBER: _ClassVar[int]
    MESSAGES_FIELD_NUMBER: _ClassVar[int]
    ARGUMENTS_JSON_FIELD_NUMBER: _ClassVar[int]
    REDACTIONS_FIELD_NUMBER: _ClassVar[int]
    THROTTLE_FIELD_NUMBER: _ClassVar[int]
    ESCALATION_FIELD_NUMBER: _ClassVar[int]
    ADVICE_JSON_FIELD_NUMBER: _ClassVar[int]
    REVISION_FIELD_NUMBER: _ClassVar[int]
    DECISION_ID_FIELD_NUMBER: _ClassVar[int]
    EVALUATED_IN_NS_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    DOWNGRADE_REASON_FIELD_NUMBER: _ClassVar[int]
    LABELS_FIELD_NUMBER: _ClassVar[int]
    SHADOW_FIELD_NUMBER: _ClassVar[int]
    request_id: str
    action: Action
    effective_action: Action
    reasons: _containers.RepeatedCompositeFieldContainer[Reason]
    content: str
    messages: Messages
    arguments_json: bytes
    redactions: _containers.RepeatedCompositeFieldContainer[Redaction]
    throttle: Throttle
    escalation: Escalation
    advice_json: bytes
    revision: str
    decision_id: str
    evaluated_in_ns: int
    error: Error
    downgrade_reason: str
    labels: _containers.RepeatedScalarFieldContainer[str]
    shadow: Shadow
    def __init__(self, request_id: _Optional[str] = ..., action: _Optional[_Union[Action, str]] = ..., effective_action: _Optional[_Union[Action, str]] = ..., reasons: _Optional[_Iterable[_Union[Reason, _Mapping]]] = ..., content: _Optional[str] = ..., messages: _Optional[_Union[Messages, _Mapping]] = ..., arguments_json: _Optional[bytes] = ..., redactions: _Optional[_Iterable[_Union[Redaction, _Mapping]]] = ..., throttle: _Optional[_Union[Throttle, _Mapping]] = ..., escalation: _Optional[_Union[Escalation, _Mapping]] = ..., advice_json: _Optional[bytes] = ..., revision: _Optional[str] = ..., decision_id: _Optional[str] = ..., evaluated_in_ns: _Optional[int] = ..., error: _Optional[_Union[Error, _Mapping]] = ..., downgrade_reason: _Optional[str] = ..., labels: _Optional[_Iterable[str]] = ..., shadow: _Optional[_Union[Shadow, _Mapping]] = ...) -> None: ...

class Chunk(_message.Message):
    __slots__ = ("open", "text", "last")
    OPEN_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    LAST_FIELD_NUMBER: _ClassVar[int]
    open: DecideRequest
    text: str
    last: bool
    def __init__(self, open: _Optional[_Union[DecideRequest, _Mapping]] = ..., text: _Optional[str] = ..., last: _Optional[bool] = ...) -> None: ...

class GuardedChunk(_message.Message):
    __slots__ = ("text", "redactions", "decision")
    TEXT_FIELD_NUMBER: _ClassVar[int]
    REDACTIONS_FIELD_NUMBER: _ClassVar[int]
    DECISION_FIELD_NUMBER: _ClassVar[int]
    text: str
    redactions: _containers.RepeatedCompositeFieldContainer[Redaction]
    decision: Decision
    def __init__(self, text: _Optional[str] = ..., redactions: _Optional[_Iterable[_Union[Redaction, _Mapping]]] = ..., decision: _Optional[_Union[Decision, _Mapping]] = ...) -> None: ...

class SettleRequest(_message.Message):
    __slots__ = ("decision_id", "usage")
    DECISION_ID_FIELD_NUMBER: _ClassVar[int]
    USAGE_FIELD_NUMBER: _ClassVar[int]
    decision_id: str
    usage: Usage
    def __init__(self, decision_id: _Optional[str] = ..., usage: _Optional[_Union[Usage, _Mapping]] = ...) -> None: ...

class SettleResponse(_message.Message):
    __slots__ = ("settled",)
    SETTLED_FIELD_NUMBER: _ClassVar[int]
    settled: bool
    def __init__(self, settled: _Optional[bool] = ...) -> None: ...

class Step(_message.Message):
    __slots__ = ("text", "value_json", "unknown", "place", "parts")
    TEXT_FIELD_NUMBER: _ClassVar[int]
    VALUE_JSON_FIELD_NUMBER: _ClassVar[int]
    UNKNOWN_FIELD_NUMBER: _ClassVar[int]
    PLACE_FIELD_NUMBER: _ClassVar[int]
    PARTS_FIELD_NUMBER: _ClassVar[int]
    text: str
    value_json: str
    unknown: str
    place: str
    parts: _containers.RepeatedCompositeFieldContainer[Step]
    def __init__(self, text: _Optional[str] = ..., value_json: _Optional[str] = ..., unknown: _Optional[str] = ..., place: _Optional[str] = ..., parts: _Optional[_Iterable[_Union[Step, _Mapping]]] = ...) -> None: ...

class RuleTrace(_message.Message):
    __slots__ = ("rule", "action", "matched", "shadow", "when", "unless", "place")
    RULE_FIELD_NUMBER: _ClassVar[int]
    ACTION_FIELD_NUMBER: _ClassVar[int]
    MATCHED_FIELD_NUMBER: _ClassVar[int]
    SHADOW_FIELD_NUMBER: _ClassVar[int]
    WHEN_FIELD_NUMBER: _ClassVar[int]
    UNLESS_FIELD_NUMBER: _ClassVar[int]
    PLACE_FIELD_NUMBER: _ClassVar[int]
    rule: str
    action: Action
    matched: bool
    shadow: bool
    when: Step
    unless: Step
    place: str
    def __init__(self, rule: _Optional[str] = ..., action: _Optional[_Union[Action, str]] = ..., matched: _Optional[bool] = ..., shadow: _Optional[bool] = ..., when: _Optional[_Union[Step, _Mapping]] = ..., unless: _Optional[_Union[Step, _Mapping]] = ..., place: _Optional[str] = ...) -> None: ...

class PolicyTrace(_message.Message):
    __slots__ = ("policy", "applied", "outcome", "applies", "rules", "place")
    POLICY_FIELD_NUMBER: _ClassVar[int]
    APPLIED_FIELD_NUMBER: _ClassVar[int]
    OUTCOME_FIELD_NUMBER: _ClassVar[int]
    APPLIES_FIELD_NUMBER: _ClassVar[int]
    RULES_FIELD_NUMBER: _ClassVar[int]
    PLACE_FIELD_NUMBER: _ClassVar[int]
    policy: str
    applied: bool
    outcome: Action
    applies: Step
    rules: _containers.RepeatedCompositeFieldContainer[RuleTrace]
    place: str
    def __init__(self, policy: _Optional[str] = ..., applied: _Optional[bool] = ..., outcome: _Optional[_Union[Action, str]] = ..., applies: _Optional[_Union[Step, _Mapping]] = ..., rules: _Optional[_Iterable[_Union[RuleTrace, _Mapping]]] = ..., place: _Optional[str] = ...) -> None: ...

class Explanation(_message.Message):
    __slots__ = ("decision", "policies", "misses", "text")
    DECISION_FIELD_NUMBER: _ClassVar[int]
    POLICIES_FIELD_NUMBER: _ClassVar[int]
    MISSES_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    decision: Decision
    policies: _containers.RepeatedCompositeFieldContainer[PolicyTrace]
    misses: _containers.RepeatedScalarFieldContainer[str]
    text: str
    def __init__(self, decision: _Optional[_Union[Decision, _Mapping]] = ..., policies: _Optional[_Iterable[_Union[PolicyTrace, _Mapping]]] = ..., misses: _Optional[_Iterable[str]] = ..., text: _Optional[str] = ...) -> None: ...

class Review(_message.Message):
    __slots__ = ("review_id", "state", "queue", "tenant_id", "user_id", "stage", "reasons", "content", "arguments_json", "revision", "opened_at", "expires_at", "otherwise", "resolved_by", "resolved_at", "note")
    REVIEW_ID_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    QUEUE_FIELD_NUMBER: _ClassVar[int]
    TENANT_ID_FIELD_NUMBER: _ClassVar[int]
    USER_ID_FIELD_NUMBER: _ClassVar[int]
    STAGE_FIELD_NUMBER: _ClassVar[int]
    REASONS_FIELD_NUMBER: _ClassVar[int]
    CONTENT_FIELD_NUMBER: _ClassVar[int]
    ARGUMENTS_JSON_FIELD_NUMBER: _ClassVar[int]
    REVISION_FIELD_NUMBER: _ClassVar[int]
    OPENED_AT_FIELD_NUMBER: _ClassVar[int]
    EXPIRES_AT_FIELD_NUMBER: _ClassVar[int]
    OTHERWISE_FIELD_NUMBER: _ClassVar[int]
    RESOLVED_BY_FIELD_NUMBER: _ClassVar[int]
    RESOLVED_AT_FIELD_NUMBER: _ClassVar[int]
    NOTE_FIELD_NUMBER: _ClassVar[int]
    review_id: str
    state: ReviewState
    queue: str
    tenant_id: str
    user_id: str
    stage: Stage
    reasons: _containers.RepeatedCompositeFieldContainer[Reason]
    content: str
    arguments_json: bytes
    revision: str
    opened_at: _timestamp_pb2.Timestamp
    expires_at: _timestamp_pb2.Timestamp
    otherwise: Action
    resolved_by: str
    resolved_at: _timestamp_pb2.Timestamp
    note: str
    def __init__(self, review_id: _Optional[str] = ..., state: _Optional[_Union[ReviewState, str]] = ..., queue: _Optional[str] = ..., tenant_id: _Optional[str] = ..., user_id: _Optional[str] = ..., stage: _Optional[_Union[Stage, str]] = ..., reasons: _Optional[_Iterable[_Union[Reason, _Mapping]]] = ..., content: _Optional[str] = ..., arguments_json: _Optional[bytes] = ..., revision: _Optional[str] = ..., opened_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., expires_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., otherwise: _Optional[_Union[Action, str]] = ..., resolved_by: _Optional[str] = ..., resolved_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., note: _Optional[str] = ...) -> None: ...

class GetReviewRequest(_message.Message):
    __slots__ = ("review_id",)
    REVIEW_ID_FIELD_NUMBER: _ClassVar[int]
    review_id: str
    def __init__(self, review_id: _Optional[str] = ...) -> None: ...

class WaitReviewRequest(_message.Message):
    __slots__ = ("review_id", "timeout")
    REVIEW_ID_FIELD_NUMBER: _ClassVar[int]
    TIMEOUT_FIELD_NUMBER: _ClassVar[int]
    review_id: str
    timeout: _duration_pb2.Duration
    def __init__(self, review_id: _Optional[str] = ..., timeout: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ...) -> None: ...

class ResolveReviewRequest(_message.Message):
    __slots__ = ("review_id", "state", "content", "arguments_json", "note", "reviewer")
    REVIEW_ID_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    CONTENT_FIELD_NUMBER: _ClassVar[int]
    ARGUMENTS_JSON_FIELD_NUMBER: _ClassVar[int]
    NOTE_FIELD_NUMBER: _ClassVar[int]
    REVIEWER_FIELD_NUMBER: _ClassVar[int]
    review_id: str
    state: ReviewState
    content: str
    arguments_json: bytes
    note: str
    reviewer: str
    def __init__(self, review_id: _Optional[str] = ..., state: _Optional[_Union[ReviewState, str]] = ..., content: _Optional[str] = ..., arguments_json: _Optional[bytes] = ..., note: _Optional[str] = ..., reviewer: _Optional[str] = ...) -> None: ...

class ListReviewsRequest(_message.Message):
    __slots__ = ("queue", "state", "tenant_id", "page_size", "page_token")
    QUEUE_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    TENANT_ID_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    queue: str
    state: ReviewState
    tenant_id: str
    page_size: int
    page_token: str
    def __init__(self, queue: _Optional[str] = ..., state: _Optional[_Union[ReviewState, str]] = ..., tenant_id: _Optional[str] = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class ListReviewsResponse(_message.Message):
    __slots__ = ("reviews", "next_page_token")
    REVIEWS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    reviews: _containers.RepeatedCompositeFieldContainer[Review]
    next_page_token: str
    def __init__(self, reviews: _Optional[_Iterable[_Union[Review, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class GetStatusRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class Status(_message.Message):
    __slots__ = ("version", "serving", "revision", "loaded_at", "policies", "rules", "last_error")
    VERSION_FIELD_NUMBER: _ClassVar[int]
    SERVING_FIELD_NUMBER: _ClassVar[int]
    REVISION_FIELD_NUMBER: _ClassVar[int]
    LOADED_AT_FIELD_NUMBER: _ClassVar[int]
    POLICIES_FIELD_NUMBER: _ClassVar[int]
    RULES_FIELD_NUMBER: _ClassVar[int]
    LAST_ERROR_FIELD_NUMBER: _ClassVar[int]
    version: str
    serving: bool
    revision: str
    loaded_at: _timestamp_pb2.Timestamp
    policies: int
    rules: int
    last_error: str
    def __init__(self, version: _Optional[str] = ..., serving: _Optional[bool] = ..., revision: _Optional[str] = ..., loaded_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., policies: _Optional[int] = ..., rules: _Optional[int] = ..., last_error: _Optional[str] = ...) -> None: ...

class ListBundlesRequest(_message.Message):
    __slots__ = ("page_size", "page_token")
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    page_size: int
    page_token: str
    def __init__(self, page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class Bundle(_message.Message):
    __slots__ = ("revision", "activated_at", "active", "source")
    REVISION_FIELD_NUMBER: _ClassVar[int]
    ACTIVATED_AT_FIELD_NUMBER: _ClassVar[int]
    ACTIVE_FIELD_NUMBER: _ClassVar[int]
    SOURCE_FIELD_NUMBER: _ClassVar[int]
    revision: str
    activated_at: _timestamp_pb2.Timestamp
    active: bool
    source: str
    def __init__(self, revision: _Optional[str] = ..., activated_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., active: _Optional[bool] = ..., source: _Optional[str] = ...) -> None: ...

class ListBundlesResponse(_message.Message):
    __slots__ = ("bundles", "next_page_token")
    BUNDLES_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    bundles: _containers.RepeatedCompositeFieldContainer[Bundle]
    next_page_token: str
    def __init__(self, bundles: _Optional[_Iterable[_Union[Bundle, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class ActivateBundleRequest(_message.Message):
    __slots__ = ("revision",)
    REVISION_FIELD_NUMBER: _ClassVar[int]
    revision: str
    def __init__(self, revision: _Optional[str] = ...) -> None: ...

class ActivateBundleResponse(_message.Message):
    __slots__ = ("bundle",)
    BUNDLE_FIELD_NUMBER: _ClassVar[int]
    bundle: Bundle
    def __init__(self, bundle: _Optional[_Union[Bundle, _Mapping]] = ...) -> None: ...

class RollbackBundleRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class RollbackBundleResponse(_message.Message):
    __slots__ = ("bundle",)
    BUNDLE_FIELD_NUMBER: _ClassVar[int]
    bundle: Bundle
    def __init__(self, bundle: _Optional[_Union[Bundle, _Mapping]] = ...) -> None: ...

class ReloadRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class Problem(_message.Message):
    __slots__ = ("code", "message", "file", "line", "column", "help")
    CODE_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    FILE_FIELD_NUMBER: _ClassVar[int]
    LINE_FIELD_NUMBER: _ClassVar[int]
    COLUMN_FIELD_NUMBER: _ClassVar[int]
    HELP_FIELD_NUMBER: _ClassVar[int]
    code: str
    message: str
    file: str
    line: int
    column: int
    help: str
    def __init__(self, code: _Optional[str] = ..., message: _Optional[str] = ..., file: _Optional[str] = ..., line: _Optional[int] = ..., column: _Optional[int] = ..., help: _Optional[str] = ...) -> None: ...

class ReloadResponse(_message.Message):
    __slots__ = ("loaded", "revision", "problems")
    LOADED_FIELD_NUMBER: _ClassVar[int]
    REVISION_FIELD_NUMBER: _ClassVar[int]
    PROBLEMS_FIELD_NUMBER: _ClassVar[int]
    loaded: bool
    revision: str
    problems: _containers.RepeatedCompositeFieldContainer[Problem]
    def __init__(self, loaded: _Optional[bool] = ..., revision: _Optional[str] = ..., problems: _Optional[_Iterable[_Union[Problem, _Mapping]]] = ...) -> None: ...
