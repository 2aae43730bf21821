"""The wording of every diagnostic about schemas, imports and declarations (E5xx)."""

from __future__ import annotations

from collections.abc import Iterable

from engine.language.catalog import listed, suggest
from engine.language.diagnostics import Diagnostic
from engine.language.program import Field
from engine.language.text import Span


def standard_attribute(path: str, at: Span) -> Diagnostic:
    """E501: a schema declares what exists anyway."""
    return Diagnostic("E501", f"`{path}` is a standard attribute", at, help="remove this line")


def undeclarable_attribute(path: str, groups: Iterable[str], at: Span) -> Diagnostic:
    """E502: a schema declares something outside the open groups."""
    return Diagnostic(
        "E502",
        f"`{path}` cannot be declared",
        at,
        help=f"add attributes under {listed(groups)}: `context.{path.rpartition('.')[2]}`",
    )


def attribute_clash(before: Field, after: Field) -> tuple[Diagnostic, Diagnostic]:
    """E503: two schemas disagree about an attribute; reported at both places."""
    message = f"`{after.path}` is declared in two ways"

    def of(field: Field, other: Field) -> Diagnostic:
        """Return the report at one of the two places."""
        notes = ((f"`{described(other)}` here", other.span),)
        return Diagnostic("E503", message, field.span, help="make both the same", notes=notes)

    return of(before, after), of(after, before)


def described(field: Field) -> str:
    """Return how *field* was declared."""
    mark = "?" if field.optional and field.required_when is None else ""
    return f"{field.type}{mark}" if field.required_when is None else f"{field.type} when …"


def attribute_is_group(path: str, below: str, at: Span, inner: Span) -> Diagnostic:
    """E504: an attribute with attributes below it."""
    return Diagnostic(
        "E504",
        f"`{path}` has a value, so there cannot be `{below}`",
        at,
        notes=((f"`{below}` is declared here", inner),),
    )


def optional_element(at: Span) -> Diagnostic:
    """E505: a ``?`` inside a set or list."""
    return Diagnostic(
        "E505", "elements of a set or list are never absent", at, help="remove the `?`"
    )


def nested_collection(at: Span) -> Diagnostic:
    """E506: a set in a set."""
    return Diagnostic("E506", "sets and lists hold values without parts", at)


def repeated_word(word: str, at: Span) -> Diagnostic:
    """E507: an enumeration with the same word twice."""
    return Diagnostic("E507", f"`{word}` is listed twice", at)


def schema_condition(at: Span) -> Diagnostic:
    """E508: a condition on a schema that is more than one enumeration and its words."""
    return Diagnostic(
        "E508",
        "a schema depends on one enumeration and constant words only",
        at,
        help='such as `schema when context.app == "support"`, or `in {"support", "sales"}`',
    )


def underscored_attribute(path: str, at: Span) -> Diagnostic:
    """E509: an attribute with a name of the kind that Python keeps for itself."""
    plain = ".".join(part.lstrip("_") or "name" for part in path.split("."))
    return Diagnostic(
        "E509",
        f"no part of `{path}` may begin with two underscores",
        at,
        help=f"call it `{plain}`",
    )


def duplicate(kind: str, name: str, at: Span, before: Span) -> Diagnostic:
    """E510: a name given twice."""
    return Diagnostic(
        "E510", f"{kind} `{name}` exists already", at, notes=(("first here", before),)
    )


def article(kind: str) -> str:
    """Return *kind* with its article."""
    return f"{'an' if kind[0] in 'aeiou' else 'a'} {kind}"


def reserved_name(kind: str, name: str, at: Span) -> Diagnostic:
    """E511: a name that means something in every file."""
    return Diagnostic(
        "E511", f"`{name}` cannot be the name of {article(kind)}", at, help="choose another name"
    )


def dotted_name(kind: str, name: str, at: Span) -> Diagnostic:
    """E512: dots where a plain name must stand."""
    last = name.rpartition(".")[2]
    return Diagnostic(
        "E512",
        f"the name of {article(kind)} has no dots",
        at,
        help=f"call it `{last}`; packages add theirs",
    )


def circular(kind: str, name: str, at: Span) -> Diagnostic:
    """E513: something that is defined through itself."""
    return Diagnostic("E513", f"{kind} `{name}` depends on itself", at)


def unknown_package(name: str, known: Iterable[str], at: Span) -> Diagnostic:
    """E514: an import of nothing."""
    hint = suggest(name, known) or "no file of this bundle says `package` with that name"
    return Diagnostic("E514", f"unknown package `{name}`", at, help=hint)


def unknown_rule(name: str, known: Iterable[str], at: Span) -> Diagnostic:
    """E515: no such rule."""
    hint = suggest(name, known) or "write `policy.rule`, or `package.policy.rule`"
    return Diagnostic("E515", f"unknown rule `{name}`", at, help=hint)


def unknown_list(name: str, known: Iterable[str], at: Span) -> Diagnostic:
    """E516: no such list."""
    hint = suggest(name, known) or 'declare it with `list NAME from "FILE"`'
    return Diagnostic("E516", f"unknown list `{name}`", at, help=hint)


def unknown_validator(name: str, known: Iterable[str], at: Span) -> Diagnostic:
    """E517: no such check digit."""
    hint = suggest(name, known) or (f"there is {listed(sorted(known))}" if known else None)
    return Diagnostic("E517", f"unknown check `{name}`", at, help=hint)


def empty_entity(name: str, at: Span) -> Diagnostic:
    """E518: an entity that nothing can be."""
    return Diagnostic("E518", f"entity `{name}` has neither a `pattern` nor `terms`", at)


def entity_name(name: str, at: Span) -> Diagnostic:
    """E519: an entity outside a namespace."""
    return Diagnostic(
        "E519",
        f"`{name}` cannot be the name of an entity",
        at,
        help="it has a namespace before it, such as `clinic.mrn`; `any` is taken",
    )


def built_in_entity(name: str, at: Span) -> Diagnostic:
    """E520: an entity that exists anyway."""
    return Diagnostic(
        "E520", f"`{name}` is a built-in entity", at, help="choose a namespace of your own"
    )


def bad_file_name(name: str, at: Span) -> Diagnostic:
    """E521: a file outside the bundle."""
    return Diagnostic(
        "E521",
        f"`{name}` is no file of this bundle",
        at,
        help="write it relative to this file, with `/`, and inside the policy folder",
    )


def facts_group(name: str, known: Iterable[str], at: Span) -> Diagnostic:
    """E522: facts about a group that has no id."""
    return Diagnostic(
        "E522",
        f"facts cannot be joined to `{name}`",
        at,
        help=f"they are joined by an id: to {listed(known)}",
    )


def unknown_setting(name: str, known: Iterable[str], at: Span) -> Diagnostic:
    """E523: no such setting of a classifier."""
    hint = suggest(name, known) or f"the settings are {listed(known)}"
    return Diagnostic("E523", f"unknown setting `{name}`", at, help=hint)


def classifier_endpoint(at: Span) -> Diagnostic:
    """E524: no address of a model server."""
    return Diagnostic(
        "E524",
        "an endpoint is an address in quotes",
        at,
        help='such as `"grpc://127.0.0.1:9100"` or `"http://127.0.0.1:9100/classify"`',
    )


def missing_endpoint(name: str, at: Span) -> Diagnostic:
    """E525: a classifier nobody can ask."""
    return Diagnostic(
        "E525", f"classifier `{name}` has no endpoint", at, help='add `endpoint = "grpc://…"`'
    )


def setting_words(name: str, words: Iterable[str], at: Span) -> Diagnostic:
    """E526: a setting outside its words."""
    quoted = ", ".join(f'`"{word}"`' for word in words)
    return Diagnostic("E526", f"`{name}` is one of {quoted}", at)


def too_many_patterns(name: str, count: int, most: int, at: Span) -> Diagnostic:
    """E527: an entity of too many patterns: each may cost every text a pass."""
    return Diagnostic(
        "E527",
        f"entity `{name}` has {count} patterns, {most} are allowed",
        at,
        help="join them with `|`, or list words in a file and use `terms`",
    )
