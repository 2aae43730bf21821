"""A newcomer's shell: commands in, what they print out, in one bash session for a document."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from pathlib import Path
from threading import Timer
from types import TracebackType
from typing import Self

from tests.ports import free_port

ROOT = Path(__file__).parent.parent
PATIENCE = 600.0
"""Seconds that one command may take."""
DEFAULT_PORTS = ("127.0.0.1:50051", "127.0.0.1:9464")
"""What documents show: the daemon's defaults. Tests put free ports in their place."""
END = "--- end of command"
FAILED = "--- the script failed"


class Newcomer:
    """Owns a folder with the project's policies in it, and a bash session there."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._ports = {shown: f"127.0.0.1:{free_port()}" for shown in DEFAULT_PORTS}
        (folder / "policies").symlink_to(ROOT / "policies")
        self._shell = subprocess.Popen(
            ["bash", "--norc", "--noprofile"],  # noqa: S607
            cwd=folder,
            env=self.environment(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def environment(self) -> dict[str, str]:
        """Return the environment of somebody who has activated ``.venv``."""
        grpc, metrics = (self._ports[shown] for shown in DEFAULT_PORTS)
        kept = {name: value for name, value in os.environ.items() if not name.startswith("ENGINE_")}
        return {
            **kept,
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "HOME": str(self.folder),
            "PYTHONPATH": f"{ROOT}:{ROOT / 'clients/python'}",
            "COLUMNS": "100",
            "NO_COLOR": "1",
            "TERM": "dumb",
            "ENGINE_ADDR": grpc,
            "ENGINE_GRPC_LISTEN": grpc,
            "ENGINE_METRICS_LISTEN": metrics,
        }

    def here(self, text: str) -> str:
        """Return *text* with the free ports instead of the defaults."""
        for shown, taken in self._ports.items():
            text = text.replace(shown, taken)
        return text

    def run(self, command: str) -> str:
        """Return what *command* prints; what runs in the background goes on."""
        assert self._shell.stdin is not None
        assert self._shell.stdout is not None
        alarm = Timer(PATIENCE, self.leave)
        alarm.start()
        try:
            self._shell.stdin.write(f"{{ {self.here(command)}\n}} </dev/null\necho; echo '{END}'\n")
            self._shell.stdin.flush()
            printed: list[str] = []
            for line in self._shell.stdout:
                if line.startswith(END):
                    return "".join(printed)
                printed.append(line)
        finally:
            alarm.cancel()
        raise AssertionError(f"the shell ended in: {command}\n{''.join(printed)}")

    def python(self, script: str) -> None:
        """Run *script* where the session stands, and see that it ends well."""
        file = self.folder.parent / "script.py"
        file.write_text(self.here(script), encoding="utf-8")
        printed = self.run(f"python {file} || echo '{FAILED}'")
        assert FAILED not in printed, f"{script}\n{printed}"

    def leave(self) -> None:
        """End the session and everything that was started in it."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._shell.pid, signal.SIGKILL)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.leave()
        self._shell.communicate()
