"""The text of a JSON facts file in, a table out: records by id, or an array of records with ids."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from operator import attrgetter
from typing import Any

import msgspec

from engine.language import catalog_data
from engine.language.diagnostics import Diagnostic, Report
from engine.language.text import Span
from engine.runtime.json_places import Member, Node, expand, noticing, read_records
from engine.runtime.objections import objection
from engine.runtime.record import Tree, decode_custom, make_row, nest_below
from engine.runtime.table import Places, Shape, Table, tell


def load_json(text: str, shape: Shape, report: Report) -> Table:
    """Return the table of *text*; what is wrong with it is told to *report*."""
    repeated: list[str] = []
    try:
        raw = json.loads(text, object_pairs_hook=noticing(repeated))
        table = None if repeated else _fast(raw, shape)
        if table is None:
            tell(report, _problems(text, shape), shape)
    except json.JSONDecodeError as error:
        at = Places(shape.file, text).at(error.pos, error.pos)
        report.add(catalog_data.not_json(error.msg[:1].lower() + error.msg[1:], at))
        table = None
    except (RecursionError, ValueError) as error:
        # Python reads no whole number of more than 4300 digits.
        deep = isinstance(error, RecursionError)
        detail = "nested too deeply" if deep else "a number has too many digits"
        report.add(catalog_data.not_json(detail, Places(shape.file, text).at(0, 1)))
        table = None
    return table or Table(shape.group, (), {})


def columns_of(records: Sequence[Mapping[str, object]], shape: Shape) -> tuple[str, ...]:
    """Return the attributes that *records* supply: all of a group of which one is given.

    Without records nothing is known about anybody, so all attributes count as supplied.
    """
    if not records:
        return tuple(sorted(shape.fields))
    given = set().union(*records)
    return tuple(sorted(name for name in shape.fields if name.partition(".")[0] in given))


def _fast(raw: object, shape: Shape) -> Table | None:
    """Return the table of a document without mistakes, or None."""
    match raw:
        case dict():
            ids: list[Any] = list(raw)
            records: list[Any] = list(raw.values())
        case list():
            ids = [one.get("id") if isinstance(one, dict) else None for one in raw]
            records = raw
        case _:
            return None
    if not all(isinstance(one, dict) for one in records):
        return None
    try:
        made = msgspec.convert(records, list[make_row(shape.fields)], dec_hook=decode_custom)  # type: ignore[misc]
        msgspec.msgpack.encode(raw)
    except (msgspec.ValidationError, UnicodeEncodeError, OverflowError):
        return None
    if len(set(ids)) < len(ids) or not all(isinstance(one, str) and one for one in ids):
        return None
    if any(row.id not in {None, id_} for row, id_ in zip(made, ids, strict=True)):
        return None
    columns = columns_of(records, shape)
    # The id is asked for as well, so that the getter returns a tuple even for one column.
    rows = (
        [row[1:] for row in map(attrgetter("id", *columns), made)] if columns else [()] * len(ids)
    )
    for place_, name in enumerate(columns):
        if shape.lacks(name) and any(row[place_] is None for row in rows):
            return None
    return Table(shape.group, columns, dict(zip(ids, rows, strict=True)))


# --- the slow path: every mistake with its place --------------------------------------------------


def _problems(text: str, shape: Shape) -> Iterator[Diagnostic]:
    document = read_records(text)
    at = Places(shape.file, text).at
    if document.members is not None:
        named = [(one.name, (one.start, one.end), one.node) for one in document.members]
    elif document.items is not None:
        named = [(*_id_of(node), node) for node in document.items]
    else:
        yield catalog_data.not_facts(at(document.start, document.end))
        return
    records = [node.value for _, _, node in named if isinstance(node.value, dict)]
    columns = columns_of(records, shape)
    tree = nest_below(shape.fields)
    fits = _fitting(columns, shape)
    seen: dict[str, tuple[int, int]] = {}
    for id_, (start, end), node in named:
        if not isinstance(node.value, dict):
            yield catalog_data.not_facts(at(node.start, node.end))
            continue
        if not id_:
            yield catalog_data.missing_id(at(start, end))
        elif id_ in seen:
            yield catalog_data.duplicate_id(id_, at(start, end), at(*seen[id_]))
        else:
            seen[id_] = (start, end)
        if node.repeated or not fits(node.value, id_):
            yield from _record_problems(id_, expand(text, node), columns, tree, shape, at)


def _fitting(columns: Sequence[str], shape: Shape) -> Callable[[object, str], bool]:
    """Return the quick test whether a record, known by an id, is right."""
    row = make_row(shape.fields)
    lacking = [name for name in columns if shape.lacks(name)]
    get = attrgetter("id", "id", *lacking)

    def fits(value: object, id_: str) -> bool:
        try:
            own, _, *needed = get(msgspec.convert(value, row, dec_hook=decode_custom))
            msgspec.msgpack.encode(value)
        except (msgspec.ValidationError, UnicodeEncodeError, OverflowError):
            return False
        return own in {None, id_} and None not in needed

    return fits


def _id_of(node: Node) -> tuple[str, tuple[int, int]]:
    """Return the id of a record in an array, and where it stands; empty when it has none."""
    id_ = node.value.get("id") if isinstance(node.value, dict) else None
    return id_ if isinstance(id_, str) else "", (node.start, node.start + 1)


def _record_problems(
    id_: str,
    record: Node,
    columns: Sequence[str],
    tree: Tree,
    shape: Shape,
    at: Callable[[int, int], Span],
) -> Iterator[Diagnostic]:
    found: dict[str, Node] = {}
    for member in record.members or ():
        if member.name == "id":
            if id_ and member.node.value != id_:
                detail = f"expected `{id_}`, under which the record stands"
                yield catalog_data.wrong_fact("id", detail, at(member.node.start, member.node.end))
        else:
            yield from _walk(member, "", tree, shape, found, at)
    for name in columns:
        node = found.get(name)
        if node is None or node.value is None:
            if shape.lacks(name):
                where = record if node is None else node
                end = where.start + 1 if node is None else where.end
                yield catalog_data.missing_fact(name, id_, at(where.start, end))
            continue
        wrong = objection(node.value, shape.fields[name].type)
        if wrong:
            yield catalog_data.wrong_fact(name, wrong, at(node.start, node.end))


def _walk(
    member: Member,
    prefix: str,
    tree: Tree,
    shape: Shape,
    found: dict[str, Node],
    at: Callable[[int, int], Span],
) -> Iterator[Diagnostic]:
    """Put the attributes in *member* on *found* by name; yield what the schema does not have."""
    name = f"{prefix}{member.name}"
    inner = tree.get(member.name)
    if inner is None:
        yield shape.unknown(name, at(member.start, member.end))
    elif not isinstance(inner, dict):
        if name in found:
            yield catalog_data.duplicate_column(name, at(member.start, member.end))
        found[name] = member.node
    elif member.node.members is None:
        yield catalog_data.wrong_fact(
            name, "expected a record", at(member.node.start, member.node.end)
        )
    else:
        for below in member.node.members:
            yield from _walk(below, f"{name}.", inner, shape, found, at)
