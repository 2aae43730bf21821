"""Policies that were loaded, or refused, in; which decide now, and how it went, out."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Status:
    """Which policies decide. Times are ns since the epoch, 0 for never."""

    serving: bool = False
    revision: str = ""
    loaded_at: int = 0
    policies: int = 0
    rules: int = 0
    refused_at: int = 0
    """When the newest reload was refused; 0 when the newest went well."""
    refusal: str = ""
    """Why, as text for people."""
