"""Tables `[audit.tenants.NAME]` in, how long whose records are kept out; and back."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

MOST_DAYS = 36_500
MOST_MEGABYTES = 2**20


class TenantKeep(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How long a tenant's records are kept: what is not said is as for all."""

    keep_days: int | None = None
    keep_megabytes: int | None = None


class KeepError(Exception):
    """The tables cannot be used; the text says why."""


def read_tenants(value: object) -> dict[str, TenantKeep]:
    """Return how long the records of which tenants are kept. Raises KeepError."""
    if not isinstance(value, Mapping):
        raise KeepError("`audit.tenants` must be tables: write [audit.tenants.NAME]")
    found: dict[str, TenantKeep] = {}
    for name, table in value.items():
        try:
            one = msgspec.convert(table, TenantKeep)
        except msgspec.ValidationError as error:
            raise KeepError(f"`audit.tenants`: tenant `{name}`: {error}") from None
        for leaf, most in (("keep_days", MOST_DAYS), ("keep_megabytes", MOST_MEGABYTES)):
            number = getattr(one, leaf)
            if number is not None and not 0 <= number <= most:
                raise KeepError(
                    f"`audit.tenants`: tenant `{name}`: `{leaf}` must be a whole number from 0 to "
                    f"{most}"
                )
        found[str(name)] = one
    return found


def render_tenants(tenants: Mapping[str, TenantKeep]) -> str:
    """Return *tenants* as tables of TOML."""
    parts = []
    for name, one in tenants.items():
        # A JSON string is a quoted key of TOML.
        lines = [f"[audit.tenants.{msgspec.json.encode(name).decode()}]"]
        lines += [
            f"{leaf} = {number}"
            for leaf, number in msgspec.structs.asdict(one).items()
            if number is not None
        ]
        parts.append("\n".join(lines) + "\n")
    return "\n".join(parts)
