from __future__ import annotations

import importlib
import re
from pathlib import Path

import click
import pytest

from engine.cli.main import VERBS
from tests.cli.calling import call

TEXT = (Path(__file__).parents[2] / "engine/cli/README.md").read_text(encoding="utf-8")
SECTIONS = {
    part.partition("\n")[0]: part for part in re.split(r"^## ", TEXT, flags=re.MULTILINE)[1:]
}
SHARED = {"explain": "eval", "decide": "eval"}
"""Verbs whose section sends the reader to another one for the request."""


@pytest.mark.parametrize("verb", VERBS)
def test_the_reference_has_every_option(verb: str) -> None:
    command = importlib.import_module(VERBS[verb].module).command
    text = SECTIONS[verb] + SECTIONS.get(SHARED.get(verb, ""), "")
    for option in command.params:
        if isinstance(option, click.Option):
            for name in option.opts:
                assert re.search(rf"`{name}[ `]", text), name


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_helps_with_examples(verb: str) -> None:
    result = call(verb, "--help")
    assert result.exit_code == 0
    assert f"  Examples:\n    engine {verb}" in result.stdout
    assert all(line.isprintable() for line in result.stdout.splitlines())
