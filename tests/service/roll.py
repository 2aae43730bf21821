"""Files of reviewers, for the tests of those who read them."""

from __future__ import annotations

from pathlib import Path

from engine.service.reviewers import hash_of

ROLL = f"""
[[reviewer]]
name = "ann"
aliases = ["u1"]
tokens = ["{hash_of("ann's")}"]
queues = ["*"]
tenants = ["*"]
may = ["approve", "edit", "full"]

[[reviewer]]
name = "bob"
tokens = ["{hash_of("bob's")}", "{hash_of("bob's new")}"]
queues = ["money"]
tenants = ["north"]
may = ["approve"]

[[reviewer]]
name = "cid"
tokens = ["{hash_of("cid's")}"]
queues = ["money"]
tenants = ["*"]

[[reviewer]]
name = "eve"
tokens = ["{hash_of("eve's")}"]
queues = ["money"]
tenants = ["south"]
may = ["approve", "edit", "full"]
"""


def write_roll(folder: Path, text: str = ROLL) -> Path:
    """Return the file of *text*, which nobody else can write."""
    path = folder / "reviewers.toml"
    path.write_text(text)
    path.chmod(0o600)
    return path
