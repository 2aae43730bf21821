from __future__ import annotations

from pathlib import Path

import pytest

from tests.daemon.running import daemon, decide
from tests.daemon.test_reviews import recorded, reviews
from tests.daemon.test_serve import until
from tests.service.bundle import write_folder

FOUR_EYES = """\
policy pay {
  default allow
  rule huge { when content contains "huge" then escalate to "money" within 1h by 2 reviewers }
}
"""


@pytest.mark.slow
def test_a_second_person_must_approve_before_it_passes(tmp_path: Path) -> None:
    write_folder(tmp_path / "policies", {"pay.pol": FOUR_EYES})
    with daemon(
        tmp_path, "--workers=0", "--listen=127.0.0.1:0", "--metrics=", f"--socket={tmp_path}/s"
    ) as running:
        address = f"unix://{tmp_path}/s"
        first = decide(address, "huge")
        assert first.escalation is not None
        review_id = first.escalation.review_id
        assert first.escalation.needed == 2
        reviews(tmp_path, "approve", review_id, "--as", "bob")
        assert decide(address, "huge").effective_action == "escalate"
        reviews(tmp_path, "approve", review_id, "--as", "ann")
        assert decide(address, "huge").effective_action == "allow"
        wanted = ["opened", "endorsed", "approved"]
        until(lambda: [one["act"] for one in recorded(tmp_path)] == wanted)
        assert running.stop() == 0
