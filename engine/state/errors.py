"""What goes wrong when a state store is opened."""

from __future__ import annotations


class StateError(Exception):
    """A store cannot be opened. The message names the place and the remedy."""
