"""The example's model server and its policies, as a reader of the example would run them."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import engine
from engine.runtime.decision import Decision

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "policies/examples/classifier"

pytestmark = pytest.mark.slow


@pytest.fixture(params=["grpc", "http"])
def server(request: pytest.FixtureRequest) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Start the example's server; give its process and its address."""
    flags = ["--http"] if request.param == "http" else []
    with subprocess.Popen(  # noqa: S603  our own script
        [sys.executable, EXAMPLE / "server.py", "--port", "0", *flags],
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env={"PYTHONPATH": str(ROOT)},
    ) as process:
        assert process.stdout is not None
        try:
            yield process, process.stdout.readline().strip()
        finally:
            process.kill()


def decide(pol: engine.Engine, content: str) -> Decision:
    return pol.decide(
        {"tenant": {"id": "t"}, "user": {"id": "u"}, "stage": "request", "content": content}
    )


def test_the_example_asks_its_server_and_holds_when_it_dies(
    server: tuple[subprocess.Popen[str], str], tmp_path: Path
) -> None:
    process, endpoint = server
    policies = shutil.copytree(EXAMPLE, tmp_path / "policies")
    text = (policies / "classifier.pol").read_text(encoding="utf-8")
    patient = text.replace("grpc://127.0.0.1:9100", endpoint).replace("40ms", "20s")
    assert patient != text
    (policies / "classifier.pol").write_text(patient, encoding="utf-8")
    with engine.load(policies) as pol:
        assert decide(pol, "good morning").action == "allow"
        heated = decide(pol, "that is stupid, I hate it")
        assert (heated.action, dict(heated.advice)) == ("allow", {"tone": "calm"})
        assert decide(pol, "you worthless idiot, shut up").action == "deny"
        process.kill()
        process.wait()
        remembered = decide(pol, "good morning")
        assert remembered.action == "allow"
        unanswered = decide(pol, "good evening")
        assert unanswered.action == "deny"
        assert unanswered.reasons[0].failure.startswith("classifier.toxicity (it ")
        why = pol.explain(
            {"tenant": {"id": "t"}, "user": {"id": "u"}, "stage": "request", "content": "hello"}
        )
        assert why.decision.action == "deny"
