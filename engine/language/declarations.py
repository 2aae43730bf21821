"""Declarations one by one: a node in, its definition out, whatever is wrong with it reported.

A definition is always returned, even a wrong one, so that its uses are not reported as unknown too.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import timedelta
from pathlib import PurePosixPath
from typing import Literal as OneOf
from typing import assert_never

from engine.language import catalog, catalog_declarations, catalog_policies, items, nodes
from engine.language.diagnostics import Report
from engine.language.environment import FileScope, Known, Package, full_names, list_of, qualify
from engine.language.operators import valid_regex
from engine.language.program import (
    ActionName,
    ClassifierDefinition,
    EntityDefinition,
    FactsFile,
    Field,
    ListFile,
    MeterDefinition,
)
from engine.language.regexes import MAX_PATTERNS
from engine.language.schema import GROUPS
from engine.language.typed import Attribute
from engine.language.types import BOOL, INT, IP, STRING, Enumeration, Type

CLASSIFIER_TIMEOUT = timedelta(milliseconds=100)
"""How long a classifier may take when its author does not say."""
Outcome = OneOf["allow", "deny", "escalate"]
OUTCOMES: Mapping[str, Outcome] = {"allow": "allow", "deny": "deny", "escalate": "escalate"}
SETTINGS = ("endpoint", "timeout", "on_failure")
HOST = r"(?:\[[\da-fA-F:.]+\]|[^\s/?#@:\[\]]+)(?::(?P<{}>\d{{1,5}}))?"
ENDPOINT = re.compile(
    rf"(?:grpcs?://{HOST.format('grpc')}|https?://{HOST.format('http')}(?:/[^\s#]*)?|unix:\S+)"
)
"""The address of a model server. No user or password: policies are no place for secrets."""
LAST_PORT = 65_535
ANY = "any"


def bundle_path(file: nodes.Literal, declared_in: str, report: Report) -> str:
    """Return a file name, written as seen from *declared_in*, as seen from the bundle's root."""
    written = str(file.value)
    parts: list[str] = []
    for part in (*PurePosixPath(declared_in).parent.parts, *PurePosixPath(written).parts):
        if part == ".." and parts and parts[-1] != "..":
            parts.pop()
        else:
            parts.append(part)
    outside = not written or written.startswith("/") or ".." in parts or "\x00" in written
    if outside or "\\" in written:
        report.add(catalog_declarations.bad_file_name(written, file.span))
    return "/".join(parts)


def read_facts(
    node: items.Facts, scope: FileScope, fields: Mapping[str, Field], report: Report
) -> FactsFile:
    """Return ``facts GROUP from FILE``; the group must have an id to join by."""
    group = node.name.name
    key = fields.get(f"{group}.id")
    if group.partition(".")[0] not in GROUPS or key is None or key.type != STRING:
        groups = [one for one in GROUPS if f"{one}.id" in fields]
        report.add(catalog_declarations.facts_group(group, groups, node.name.span))
    return FactsFile(group, bundle_path(node.file, scope.path, report), node.span)


def read_list(node: items.WordList, scope: FileScope, report: Report) -> ListFile:
    """Return ``list NAME from FILE``."""
    name = qualify(scope.package, node.name.name)
    return ListFile(name, bundle_path(node.file, scope.path, report), node.doc, node.span)


def read_entity(  # noqa: C901 - a case for every part
    node: items.Entity,
    scope: FileScope,
    known: Known,
    packages: Mapping[str, Package],
    report: Report,
) -> EntityDefinition:
    """Return ``entity NAME { … }``: patterns, terms, validators and context words."""
    patterns: list[str] = []
    terms: list[str] = []
    checks: list[str] = []
    near: list[str] = []
    name = node.name.name
    if "." not in name or name.endswith(f".{ANY}"):
        report.add(catalog_declarations.entity_name(name, node.name.span))
    if name in known.entities:
        report.add(catalog_declarations.built_in_entity(name, node.name.span))
    for part in node.parts:
        match part:
            case items.EntityPattern(regex):
                if valid_regex(regex, report):
                    patterns.append(regex.pattern)
            case items.EntityTerms(list_name):
                found = list_of(packages, scope, list_name.name)
                if found is None:
                    lists = packages[scope.package].lists
                    report.add(
                        catalog_declarations.unknown_list(list_name.name, lists, list_name.span)
                    )
                else:
                    terms.append(found)
            case items.EntityCheck(check):
                checks.append(check.name)
                if check.name not in known.validators:
                    report.add(
                        catalog_declarations.unknown_validator(
                            check.name, known.validators, check.span
                        )
                    )
            case items.EntityNear(words):
                near.extend(read_near(words, report))
            case _:
                assert_never(part)
    check_extent(node, report)
    return EntityDefinition(
        name, tuple(patterns), tuple(terms), tuple(checks), tuple(near), node.doc, node.span
    )


def check_extent(node: items.Entity, report: Report) -> None:
    """Report an entity that finds nothing, or has too many patterns."""
    name, at = node.name.name, node.name.span
    count = sum(isinstance(one, items.EntityPattern) for one in node.parts)
    if count > MAX_PATTERNS:
        report.add(catalog_declarations.too_many_patterns(name, count, MAX_PATTERNS, at))
    if not any(isinstance(one, (items.EntityPattern, items.EntityTerms)) for one in node.parts):
        report.add(catalog_declarations.empty_entity(name, at))


def read_near(words: tuple[nodes.Literal, ...], report: Report) -> list[str]:
    """Return the words of ``near``, empty ones reported."""
    for word in words:
        if not str(word.value).strip():
            report.add(catalog_policies.empty_text("a word for `near`", word.span))
    return [str(word.value) for word in words]


def is_endpoint(address: str) -> bool:
    """Return whether *address* is one at which a model server can be called."""
    found = ENDPOINT.fullmatch(address)
    return found is not None and int(found["grpc"] or found["http"] or 1) in range(1, LAST_PORT + 1)


def read_classifier(node: items.Classifier, report: Report) -> ClassifierDefinition:
    """Return ``classifier NAME { … }`` with its settings."""
    endpoint = ""
    timeout = CLASSIFIER_TIMEOUT
    on_failure: Outcome | None = None
    seen: dict[str, items.Setting] = {}
    for setting in node.settings:
        name, value = setting.name.name, setting.value.value
        if name in seen:
            report.add(
                catalog_declarations.duplicate("setting", name, setting.span, seen[name].span)
            )
        seen[name] = setting
        match name, value:
            case "endpoint", str() as address if is_endpoint(address):
                endpoint = address
            case "endpoint", _:
                report.add(catalog_declarations.classifier_endpoint(setting.value.span))
            case "timeout", timedelta() as duration if duration > timedelta(0):
                timeout = duration
            case "timeout", _:
                report.add(catalog_policies.duration_expected("timeout", setting.value.span))
            case "on_failure", str() as outcome if outcome in OUTCOMES:
                on_failure = OUTCOMES[outcome]
            case "on_failure", _:
                words = tuple(OUTCOMES)
                report.add(
                    catalog_declarations.setting_words("on_failure", words, setting.value.span)
                )
            case _:
                report.add(catalog_declarations.unknown_setting(name, SETTINGS, setting.name.span))
    if "endpoint" not in seen:
        report.add(catalog_declarations.missing_endpoint(node.name.name, node.name.span))
    return ClassifierDefinition(node.name.name, endpoint, timeout, on_failure, node.doc, node.span)


def read_meter(
    node: items.Meter,
    scope: FileScope,
    fields: Mapping[str, Field],
    rules: Mapping[str, ActionName],
    report: Report,
) -> MeterDefinition:
    """Return ``meter NAME counts rule … by … over …``; its rule by full name."""
    name = node.rule.name
    rule = next((full for full in full_names(scope, name) if full in rules), None)
    if rule is None:
        report.add(catalog_declarations.unknown_rule(name, rules, node.rule.span))
    window = node.window.value
    assert isinstance(window, timedelta)
    if window <= timedelta(0):
        report.add(catalog_policies.duration_expected("window", node.window.span))
    keys = read_keys(node.keys, fields, frozenset(), report, guardable=False)
    return MeterDefinition(node.name.name, rule or name, keys, window, node.doc, node.span)


def read_keys(
    keys: tuple[nodes.Name, ...],
    fields: Mapping[str, Field],
    present: frozenset[str] | None,
    report: Report,
    *,
    guardable: bool = True,
) -> tuple[Attribute, ...]:
    """Return the attributes of ``by …``: scalars, present where *present* is (None: all)."""
    made: dict[str, Attribute] = {}
    for key in keys:
        field = fields.get(key.name)
        if field is None:
            report.add(catalog.unknown_attribute(key.name, fields, key.span))
            continue
        if key.name in made:
            report.add(
                catalog_declarations.duplicate("key", key.name, key.span, made[key.name].span)
            )
        elif not fit_as_key(field.type):
            report.add(catalog_policies.bad_key(key.name, field.type, key.span))
        elif field.optional and present is not None and key.name not in present:
            report.add(catalog_policies.absent_key(key.name, key.span, guardable=guardable))
        made[key.name] = Attribute(key.name, field.optional, field.type, key.span)
    return tuple(made.values())


def fit_as_key(type_: Type) -> bool:
    """Return whether values of *type_* can tell buckets apart: short and exact."""
    return isinstance(type_, Enumeration) or type_ in {STRING, INT, BOOL, IP}
