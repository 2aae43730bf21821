"""``engine.toml``, ``ENGINE_…`` variables and flags in, one frozen `Settings` out, or an error.

The later wins: default, file, environment, flag. Every problem is found at once and names its place
(``engine.toml:7``, ``ENGINE_GRPC_LISTEN``, ``--set grpc.listen``). A relative path in the file is
relative to the file's folder, elsewhere to the working directory.
"""

from __future__ import annotations

import json
import re
import textwrap
import tomllib
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from pathlib import Path

import msgspec

from engine.daemon.options import (
    SINKS,
    TENANTS,
    ConfigError,
    Given,
    Option,
    convert_value,
    walk_options,
)
from engine.daemon.settings import Settings
from engine.daemon.settings_retention import render_tenants
from engine.daemon.settings_sinks import render_sinks, rooted

PATHS = frozenset(
    {
        "policies",
        "data",
        "cache",
        "secret_key_file",
        "reviews.notify",
        "grpc.socket",
        "grpc.tls.certificate_file",
        "grpc.tls.key_file",
        "grpc.tls.client_ca_file",
        "reviews.reviewers",
        "reviews.url_file",
        "reviews.ca_file",
        "reviews.certificate_file",
        "reviews.key_file",
        "valkey.ca_file",
        "valkey.certificate_file",
        "valkey.key_file",
    }
)
"""Settings that hold a path of the file system (``record.file`` is relative to the data folder)."""

OPTIONS: dict[str, Option] = {one.name: one for one in walk_options(Settings)}
SECTIONS = frozenset(name.rpartition(".")[0] for name in OPTIONS if "." in name)

PASSWORD = re.compile(r"(://[^/@\s:]*:)\S*(?=@)|([?&](?:ssl)?password=)[^&\s]*")
"""What stands behind the user in a URL, or behind its `password=`: it is not shown."""
MOST_BYTES = 1 << 20
"""Of the file."""
CLOSE = 0.9
"""How alike an unknown ``ENGINE_…`` variable must be to a known one to count as misspelt. Others
are left alone: container platforms set variables such as ``ENGINE_SERVICE_HOST``."""


def load_settings(
    file: Path | None, environment: Mapping[str, str], flags: Mapping[str, str]
) -> Settings:
    """Return the settings of *file* (None for none), *environment* and *flags* (by dotted name).

    Raises ConfigError with every problem.
    """
    problems: list[str] = []
    given: dict[str, Given] = {}
    if file is not None:
        given |= read_file(file, problems)
    given |= read_environment(environment, problems)
    given |= read_flags(flags, problems)
    flat: dict[str, object] = {}
    for name, one in given.items():
        try:
            flat[name] = convert_value(OPTIONS[name], one)
        except ConfigError as error:
            problems.append(str(error))
    if problems:
        raise ConfigError("\n".join(problems))
    return together(msgspec.convert(nested(flat), Settings))


def together(settings: Settings) -> Settings:
    """Return *settings* if they fit each other. Raises ConfigError."""
    audit = settings.audit
    if audit.sinks and not audit.folder:
        raise ConfigError("`audit.sinks` ship the audit trail, and there is none: set audit.folder")
    if audit.sinks and settings.state == "memory" and not Path(audit.folder).is_absolute():
        raise ConfigError(
            "`audit.sinks` ship the audit trail, and nothing is kept while `state` is `memory`"
        )
    tls = settings.grpc.tls
    if bool(tls.certificate_file) != bool(tls.key_file) or (
        tls.client_ca_file and not tls.certificate_file
    ):
        raise ConfigError(
            "`grpc.tls` needs both a certificate and its key: set grpc.tls.certificate_file and "
            "grpc.tls.key_file"
        )
    limits = settings.grpc.limits
    if limits.connection_bytes < limits.window_bytes:
        raise ConfigError(
            "`grpc.limits.connection_bytes` is less than `grpc.limits.window_bytes`, which a "
            "single call may send"
        )
    if tls.client_names and not tls.client_ca_file:
        raise ConfigError(
            "`grpc.tls.client_names` are names in certificates of callers, and none is asked for: "
            "set grpc.tls.client_ca_file"
        )
    if settings.grpc.busy_poll_microseconds and settings.grpc.transport != "lean":
        raise ConfigError(
            "`grpc.busy_poll_microseconds` is for the lean server: set grpc.transport to `lean`, "
            "or leave it at 0"
        )
    if tls.certificate_file and not settings.grpc.listen:
        raise ConfigError("`grpc.tls` secures the port of `grpc.listen`, and there is none")
    return settings


def read_some(file: Path) -> bytes:
    """Return what *file* holds, which may be a pipe. Raises OSError, and ConfigError for more."""
    with file.open("rb") as opened:
        data = opened.read(MOST_BYTES + 1)
    if len(data) > MOST_BYTES:
        raise ConfigError(f"{file}: it has more than {MOST_BYTES:,} bytes")
    return data


def read_file(file: Path, problems: list[str]) -> dict[str, Given]:
    """Return what the TOML *file* sets; unknown names become problems."""
    try:
        text = read_some(file).decode()
    except FileNotFoundError:
        raise ConfigError(f"{file}: no such file; create it or leave --config out") from None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{file}: cannot be read: {error}") from None
    try:
        tree = tomllib.loads(text)
    except (ValueError, RecursionError) as error:  # Thousands of digits or brackets, too.
        raise ConfigError(f"{file}: not valid TOML: {error}") from None
    lines = lines_of(text)
    given: dict[str, Given] = {}
    for name, value in flatten(tree):
        place = f"{file}:{lines[name]}" if name in lines else str(file)
        if name not in OPTIONS:
            problems.append(f"{place}: {unknown(name)}")
            continue
        if name in PATHS and isinstance(value, str) and value:
            given[name] = Given(str(file.parent / value), place, text=False)
        elif OPTIONS[name].form == SINKS:
            given[name] = Given(rooted(value, file.parent), place, text=False)
        else:
            given[name] = Given(value, place, text=False)
    return given


def flatten(tree: Mapping[str, object], prefix: str = "") -> Iterator[tuple[str, object]]:
    """Yield the dotted name and value of every entry, entering the sections that exist."""
    for name, value in tree.items():
        if isinstance(value, dict) and prefix + name in SECTIONS:
            yield from flatten(value, f"{prefix}{name}.")
        else:
            yield prefix + name, value


def lines_of(text: str) -> dict[str, int]:
    """Return the line of each dotted name in a valid TOML *text*.

    ``tomllib`` keeps no positions. Settings are scalars, one a line, so a scan of the lines finds
    them; what it misses (an inline table) is reported without a line.
    """
    lines: dict[str, int] = {}
    section = ""
    for number, line in enumerate(text.splitlines(), 1):
        bare = line.strip()
        if bare.startswith("["):
            name = bare.strip("[").partition("]")[0].strip()
            section = f"{name}."
            lines.setdefault(name, number)
        else:
            name = section + bare.partition("=")[0].strip().strip("\"'")
            lines.setdefault(name, number)
    return lines


def read_environment(environment: Mapping[str, str], problems: list[str]) -> dict[str, Given]:
    """Return what ``ENGINE_…`` variables set; a misspelt one becomes a problem."""
    names = {option.variable: option.name for option in OPTIONS.values()}
    given: dict[str, Given] = {}
    for variable, value in sorted(environment.items()):
        if variable in names:
            given[names[variable]] = Given(value, variable, text=True)
        elif variable.startswith("ENGINE_"):
            close = get_close_matches(variable, names, n=1, cutoff=CLOSE)
            if close:
                problems.append(f"{variable}: unknown setting; did you mean `{close[0]}`?")
    return given


def read_flags(flags: Mapping[str, str], problems: list[str]) -> dict[str, Given]:
    """Return what flags set; an unknown name becomes a problem."""
    given: dict[str, Given] = {}
    for name, value in flags.items():
        if name in OPTIONS:
            given[name] = Given(value, f"--set {name}", text=True)
        else:
            problems.append(f"--set {name}: {unknown(name)}")
    return given


def unknown(name: str) -> str:
    """Return the sentence about a setting that does not exist, with the closest one that does."""
    leaves = {one.rpartition(".")[2]: one for one in OPTIONS}
    close = get_close_matches(name, OPTIONS, n=1, cutoff=0.7)
    if not close:
        close = [leaves[one] for one in get_close_matches(name.rpartition(".")[2], leaves, n=1)]
    hint = f"did you mean `{close[0]}`?" if close else "`engine serve --print-config` lists all"
    return f"unknown setting `{name}`; {hint}"


def nested(flat: Mapping[str, object]) -> dict[str, object]:
    """Return the sections of dotted names as dictionaries within one."""
    tree: dict[str, object] = {}
    for name, value in flat.items():
        *sections, leaf = name.split(".")
        inner = tree
        for section in sections:
            inner = inner.setdefault(section, {})  # type: ignore[assignment]
        inner[leaf] = value
    return tree


def value_of(settings: Settings, name: str) -> object:
    """Return the value of the setting with the dotted *name*."""
    value: object = settings
    for part in name.split("."):
        value = getattr(value, part)
    return value


def render_settings(settings: Settings) -> str:
    """Return *settings* as an ``engine.toml`` in which every entry has its meaning above it."""
    parts: list[str] = []
    section = ""
    sinks, tenants = settings.audit.sinks, settings.audit.tenants
    for option in OPTIONS.values():
        tables = {SINKS: sinks, TENANTS: tenants}.get(option.form)
        if tables:
            continue  # Tables stand behind everything else.
        inside, _, leaf = option.name.rpartition(".")
        if inside != section:
            section = inside
            parts.append(f"[{section}]\n")
        parts.append(render_option(option, leaf, value_of(settings, option.name)))
    if tenants:
        parts.append(render_tenants(tenants))
    if sinks:
        parts.append(render_sinks(sinks))
    return "\n".join(parts)


def render_option(option: Option, leaf: str, value: object) -> str:
    """Return one entry of ``engine.toml`` under its description."""
    text = f"{option.doc} ({option.variable})"
    comment = textwrap.fill(text, 96, initial_indent="# ", subsequent_indent="# ")
    if isinstance(value, str):
        value = PASSWORD.sub(r"\1\2***", value)
    # JSON's strings, whole numbers and truth values are written alike in TOML.
    return f"{comment}\n{leaf} = {json.dumps(value, ensure_ascii=False)}\n"
