from __future__ import annotations

import pytest

from tests.daemon.running import Told


@pytest.fixture
def told(capfd: pytest.CaptureFixture[str]) -> Told:
    """What this process and its children write to standard error, while they do."""
    del capfd  # It has made standard error a file of the test's own.
    return Told()
