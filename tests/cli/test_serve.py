from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path
from types import SimpleNamespace

import pytest
from click.testing import CliRunner, Result

from engine.cli import serve as module
from engine.cli.serve import ALONE, FLAGS, TOGETHER, command
from engine.daemon.config import OPTIONS
from engine.daemon.settings import Settings


def run(*arguments: str, **variables: str) -> Result:
    return CliRunner().invoke(command, arguments, env=variables)


def printed(*arguments: str, **variables: str) -> dict[str, object]:
    result = run(*arguments, "--print-config", **variables)
    assert result.exit_code == 0, result.output
    return tomllib.loads(result.stdout)


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_print_config_prints_a_whole_file() -> None:
    tree = printed()
    assert tree["policies"] == "policies"
    assert tree["log"] == {"level": "info", "format": "auto"}


def test_flags_outrank_variables_and_these_the_file(folder: Path) -> None:
    (folder / "engine.toml").write_text(
        "drain_seconds = 1\n[log]\nlevel = 'debug'\nformat = 'json'\n"
    )
    tree = printed("--log-level=error", "--set", "drain_seconds=3", ENGINE_LOG_LEVEL="warning")
    assert tree["log"] == {"level": "error", "format": "json"}
    assert tree["drain_seconds"] == 3


def test_every_flag_stands_for_its_setting() -> None:
    tree = printed(
        "rules", "--listen=h:1", "--socket=/s", "--metrics=", "--data=/d", "--memory",
        "--record=r", "--wait", "--no-watch", "--log-format=text",
    )  # fmt: skip
    assert (tree["policies"], tree["data"], tree["state"]) == ("rules", "/d", "memory")
    assert tree["wait_for_bundle"] is True
    assert tree["grpc"].pop("limits")["streams"] == 1000  # type: ignore[attr-defined]
    assert tree["grpc"] == {
        "listen": "h:1",
        "socket": "/s",
        "reflection": "loopback",
        "transport": "lean",
        "busy_poll_microseconds": 0,
        "tls": {"certificate_file": "", "key_file": "", "client_ca_file": "", "client_names": ""},
    }
    assert tree["metrics"] == {"listen": ""}
    assert tree["reload"]["watch"] is False  # type: ignore[index]
    assert tree["record"]["file"] == "r"  # type: ignore[index]
    assert set(FLAGS.values()) <= OPTIONS.keys()


def test_the_file_can_be_named_by_flag_or_variable(folder: Path) -> None:
    (folder / "other.toml").write_text("drain_seconds = 7\n")
    assert printed("--config=other.toml")["drain_seconds"] == 7
    assert printed(ENGINE_CONFIG="other.toml")["drain_seconds"] == 7


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--config=gone.toml",), "gone.toml: no such file"),
        (("--set", "drain_seconds"), "--set drain_seconds: write KEY=VALUE"),
        (("--listen=nowhere",), "`grpc.listen` must be an address"),
        (("--set", "grpc.lisen=x"), "did you mean `grpc.listen`?"),
    ],
)
def test_wrong_settings_are_told_and_end_with_2(arguments: tuple[str, ...], told: str) -> None:
    result = run(*arguments)
    assert result.exit_code == 2
    assert result.stderr.startswith("engine: ")
    assert told in result.stderr


def test_the_daemons_code_is_the_verbs(monkeypatch: pytest.MonkeyPatch) -> None:
    served: list[Settings] = []

    def serve(settings: Settings) -> int:
        served.append(settings)
        return 1

    monkeypatch.setattr(module, "serve", serve)
    assert run("rules").exit_code == 1
    assert served[0].policies == "rules"


@pytest.mark.parametrize(("workers", "loaded"), [("0", ALONE), ("1", TOGETHER), ("2", TOGETHER)])
def test_workers_have_a_supervisor(
    monkeypatch: pytest.MonkeyPatch, workers: str, loaded: str
) -> None:
    asked: list[str] = []

    def load(name: str) -> SimpleNamespace:
        asked.append(name)
        return SimpleNamespace(serve=lambda settings: settings.workers)

    monkeypatch.setattr("engine.cli.serve.importlib.import_module", load)
    assert run("rules", f"--workers={workers}").exit_code == int(workers)
    assert asked == [loaded]


def test_a_supervisor_never_loads_grpc() -> None:
    code = f"import sys, {TOGETHER}; sys.exit('grpc' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], check=False)  # noqa: S603  our own code
    assert done.returncode == 0
