from __future__ import annotations

import importlib
import re
import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

import engine
from engine.cli.main import VERBS, group, main

ROOT = Path(engine.__file__).parents[1]


def test_help_names_every_verb_with_its_line() -> None:
    printed = CliRunner().invoke(group, ["--help"], terminal_width=100).output
    for name, verb in VERBS.items():
        assert re.search(rf"^  {name} +{re.escape(verb.help)}$", printed, re.MULTILINE)


def test_help_imports_no_verb_and_nothing_heavy() -> None:
    code = (
        "import sys; sys.argv = ['engine', '--help']\n"
        "from engine.cli.main import main\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        "print('LOADED', *sorted(sys.modules))"
    )
    done = subprocess.run(  # noqa: S603  our own interpreter
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    loaded = set(done.stdout.partition("LOADED ")[2].split())
    ours = {one for one in loaded if one.startswith("engine.")}
    assert ours == {"engine.cli", "engine.cli.main", "engine.sources"}
    assert not loaded & {"grpc", "lark", "msgspec", "asyncio", "rich", "prometheus_client"}


@pytest.mark.parametrize("name", list(VERBS))
def test_every_verb_exists_and_explains_itself_with_examples(name: str) -> None:
    verb = VERBS[name]
    command = importlib.import_module(verb.module).command
    assert isinstance(command, click.Command)
    assert command.name == name
    result = CliRunner().invoke(group, [name, "--help"])
    assert result.exit_code == 0
    assert f"engine {name}" in result.output.partition("Examples:")[2]


def test_an_unknown_verb_suggests_the_closest() -> None:
    result = CliRunner().invoke(group, ["chek"])
    assert result.exit_code == 2
    assert "there is no verb `chek`; did you mean `check`?" in result.output
    assert "did you mean" not in CliRunner().invoke(group, ["zzz"]).output


def test_completion_knows_the_verbs() -> None:
    assert group.list_commands(click.Context(group)) == list(VERBS)


def test_an_unknown_option_is_an_error() -> None:
    assert CliRunner().invoke(group, ["--nonsense"]).exit_code == 2
    assert group.get_command(click.Context(group), "zzz") is None


def test_the_version_is_printed() -> None:
    assert CliRunner().invoke(group, ["--version"]).output == f"engine {engine.__version__}\n"


def test_the_module_runs_as_a_program(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["engine", "--version"])
    with pytest.raises(SystemExit) as caught:
        main()
    assert caught.value.code == 0
    assert importlib.import_module("engine.__main__").main is main
