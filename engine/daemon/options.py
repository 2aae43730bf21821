"""One setting as someone wrote it in, its typed value out; and how all settings are listed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass

import msgspec
from msgspec import inspect

from engine.daemon.settings_retention import KeepError, read_tenants
from engine.daemon.settings_sinks import SinksError, read_sinks

BOOLEANS = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
"""How a truth value is written in the environment and in flags."""

LAST_PORT = 65_535
SINKS = "sinks"
TENANTS = "tenants"


class ConfigError(Exception):
    """Settings that cannot be used. The text has one line for each problem."""


@dataclass(frozen=True, slots=True)
class Option:
    """One setting: its dotted *name*, type, default and meaning."""

    name: str
    type: inspect.Type
    default: object
    doc: str
    form: str
    """``address`` for ``host:port``, ``sinks`` and ``tenants`` for tables, else empty."""

    @property
    def variable(self) -> str:
        """The environment variable that sets it."""
        return "ENGINE_" + self.name.replace(".", "_").upper()


@dataclass(frozen=True, slots=True)
class Given:
    """A value as someone wrote it, and where. *text*: a string that may stand for another type."""

    value: object
    place: str
    text: bool


@dataclass(frozen=True, slots=True)
class Address:
    """A host and a port to listen on. An IPv6 host has no brackets here."""

    host: str
    port: int

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"


def walk_options(struct: type[msgspec.Struct]) -> Iterator[Option]:
    """Yield every setting below *struct* in the order of its fields."""
    described = inspect.type_info(struct)
    assert isinstance(described, inspect.StructType)
    yield from options_of(described)


def options_of(described: inspect.StructType, prefix: str = "") -> Iterator[Option]:
    """Yield every setting below a struct that is *described*, with *prefix* before its name."""
    for one in described.fields:
        name = prefix + one.encode_name
        if isinstance(one.type, inspect.StructType):
            yield from options_of(one.type, f"{name}.")
            continue
        assert isinstance(one.type, inspect.Metadata)
        doc = (one.type.extra_json_schema or {}).get("description", "")
        form = (one.type.extra or {}).get("form", "")
        made = one.default_factory
        default = one.default if made is msgspec.NODEFAULT else made()
        yield Option(name, one.type.type, default, doc, form)


def parse_address(text: str) -> Address | None:
    """Return the address that ``host:port`` or ``[v6]:port`` names, or None."""
    host, colon, port = text.rpartition(":")
    if host.startswith("[") and host.endswith("]"):
        host = host[1:-1]
    elif ":" in host:
        return None
    if not colon or not host or not (port.isascii() and port.isdigit()) or int(port) > LAST_PORT:
        return None
    return Address(host, int(port))


def convert_value(option: Option, given: Given) -> object:
    """Return the value in the option's type; raise ConfigError that says what it must be."""
    if option.form == SINKS:
        return sinks_of(given)
    if option.form == TENANTS:
        return tenants_of(given)
    value = typed_value(option.type, given)
    if value is None or (option.form == "address" and value and not parse_address(str(value))):
        shown = json.dumps(given.value, ensure_ascii=False, default=str)
        raise ConfigError(f"{given.place}: `{option.name}` must be {wanted(option)}, not {shown}")
    return value


def sinks_of(given: Given) -> object:
    """Return the sinks of the trail; in text they are written as JSON. Raises ConfigError."""
    value = given.value
    try:
        if given.text:
            value = json.loads(str(value))
        return read_sinks(value)
    except ValueError:
        raise ConfigError(f"{given.place}: `audit.sinks` must be a JSON array here") from None
    except SinksError as error:
        lines = str(error).splitlines()
        raise ConfigError("\n".join(f"{given.place}: {line}" for line in lines)) from None


def tenants_of(given: Given) -> object:
    """Return how long whose records are kept; in text that is JSON. Raises ConfigError."""
    value = given.value
    try:
        return read_tenants(json.loads(str(value)) if given.text else value)
    except ValueError:
        raise ConfigError(f"{given.place}: `audit.tenants` must be a JSON object here") from None
    except KeepError as error:
        raise ConfigError(f"{given.place}: {error}") from None


def typed_value(kind: inspect.Type, given: Given) -> object:
    """Return the value as a *kind*, or None when it is none."""
    value = given.value
    match kind:
        case inspect.BoolType():
            truth = BOOLEANS.get(str(value).lower()) if given.text else value
            return truth if isinstance(truth, bool) else None
        case inspect.IntType(ge=low, le=high):
            if given.text:
                digits = str(value).replace("_", "")
                value = int(digits) if digits.isascii() and digits.isdigit() else None
            if isinstance(value, bool) or not isinstance(value, int):
                return None
            return value if (low or 0) <= value <= (high or value) else None
        case inspect.LiteralType(values=words):
            return value if value in words else None
        case _:
            return value if isinstance(value, str) and "\0" not in value else None


def wanted(option: Option) -> str:
    """Return what a value must be, in words."""
    match option.type:
        case inspect.BoolType():
            return "true or false"
        case inspect.IntType(ge=low, le=high):
            return f"a whole number from {low} to {high}"
        case inspect.LiteralType(values=words):
            return "one of " + ", ".join(f'"{word}"' for word in words)
        case _ if option.form == SINKS:
            return "an array of tables (see Sinks below)"
        case _ if option.form == TENANTS:
            return "tables (see Retention below)"
        case _ if option.form == "address":
            return 'an address such as "127.0.0.1:50051", or "" for none'
        case _:
            return "a string"
