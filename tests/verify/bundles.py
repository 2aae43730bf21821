"""Policy sets made from text, for the tests of what runs tests."""

from __future__ import annotations

import tempfile
from pathlib import Path

from engine.runtime.policyset import PolicySet
from engine.service.bundles import Recipe, load_folder

RECIPE = Recipe(b"the tests of tests have no secrets")
GUEST = 'fixture guest { tenant.id: "t", user.id: "u", stage: "request", content: "hello" }\n'


def load(text: str, **files: str) -> PolicySet:
    """Return the policies in *text*; *files* are lists and facts, ``words_txt`` for words.txt."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        (root / "p.pol").write_text(text, encoding="utf-8")
        for name, content in files.items():
            (root / name.replace("_", ".")).write_text(content, encoding="utf-8")
        return load_folder(root, RECIPE)
