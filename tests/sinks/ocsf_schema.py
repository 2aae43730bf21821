"""OCSF 1.9.0 as JSON Schema: 1.8.0 as a package has it, and what 1.9.0 has added that is used here.

Sources (names, types, requirements): github.com/ocsf/ocsf-schema at v1.9.0, ``CHANGELOG.md``,
``objects/attestation.json``, ``objects/prev_event.json``, ``profiles/record_integrity.json``,
``profiles/ai_operation.json``; the released schema of class 2004 has the same objects.
"""

from __future__ import annotations

import copy
from functools import cache
from typing import Any

from jsonschema import Draft202012Validator
from ocsf_json_schema import OcsfJsonSchemaEmbedded, get_ocsf_schema

INTEGRITY, AI = "record_integrity", "ai_operation"


def _attribute(type_: str, requirement: str = "optional", **more: Any) -> dict[str, Any]:
    return {"type": type_, "requirement": requirement, "caption": "", **more}


def _object(name: str, requirement: str = "optional", **more: Any) -> dict[str, Any]:
    return _attribute("object_t", requirement, object_type=name, **more)


ATTESTATION = {
    "caption": "Attestation",
    "attributes": {
        "uid": _attribute("string_t"),
        "authority_uid": _attribute("string_t", "recommended"),
        "chain_uid": _attribute("string_t", "recommended"),
        "fingerprint": _object("fingerprint", "recommended"),
        "prev_event": _object("prev_event", "recommended"),
        "signatures": _object("digital_signature", "recommended", is_array=True),
    },
    "constraints": {"at_least_one": ["fingerprint", "signatures"]},
}
PREV_EVENT = {
    "caption": "Previous Event",
    "attributes": {
        "fingerprint": _object("fingerprint", "recommended"),
        "type_uid": _attribute("long_t", "recommended"),
        "uid": _attribute("string_t", "required"),
    },
}
AI_OPERATION = {
    "ai_model": _object("ai_model", "recommended", profiles=[AI]),
    "message_context": _object("message_context", profiles=[AI]),
}


@cache
def _schema() -> OcsfJsonSchemaEmbedded:
    found = copy.deepcopy(get_ocsf_schema("1.8.0"))
    found["objects"] |= {"attestation": ATTESTATION, "prev_event": PREV_EVENT}
    for one in found["classes"].values():
        one["attributes"]["attestation"] = _object("attestation", profiles=[INTEGRITY])
    # 1.9.0 lists the profile for activities; the engine puts it on a finding, and says so.
    found["classes"]["detection_finding"]["attributes"] |= AI_OPERATION
    return OcsfJsonSchemaEmbedded(found)


@cache
def _validator(class_uid: int, profiles: tuple[str, ...]) -> Draft202012Validator:
    name = _schema().lookup_class_name_from_uid(class_uid)
    return Draft202012Validator(_schema().get_class_schema(name, list(profiles)))


def wrong(event: dict[str, Any]) -> list[str]:
    """Return what an OCSF reader would not take in *event*."""
    validator = _validator(event["class_uid"], tuple(event["metadata"]["profiles"]))
    return [f"{one.json_path}: {one.message}" for one in validator.iter_errors(event)]
