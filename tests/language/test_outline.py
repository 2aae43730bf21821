from __future__ import annotations

from engine.language.outline import Outline, dump_outlines, load_outlines, outline_of
from tests.language.plans import compiled

TEXT = """\
policy all { default allow }
policy some {
  rollout 10% by user.id
  default allow
  rule a { then deny advise tier = "small" advise said = content }
  rule b { then deny expires 2027-01-01 advise tier = "large" }
  rule c { when not (content has pii.card) then deny rollout 5% by tenant.id }
  rule d { then redact pii.email, pii.card in content as token }
}
"""
SOME = Outline(
    name="some",
    rules=4,
    passing=frozenset({1, 2}),
    rolled_out=True,
    advised=frozenset({"tier", "said"}),
    computed=frozenset({"said"}),
    reversible=True,
    asked=frozenset({frozenset({"pii.card"}), frozenset({"pii.email", "pii.card"})}),
)


def test_an_outline_says_what_passes_and_what_is_computed() -> None:
    made = compiled(TEXT)
    assert [outline_of(one) for one in made.program.policies] == list(made.outlines)
    assert made.outlines[0] == Outline(
        "all",
        0,
        frozenset(),
        rolled_out=False,
        advised=frozenset(),
        computed=frozenset(),
        reversible=False,
        asked=frozenset(),
    )
    assert made.outlines[1] == SOME


def test_an_outline_says_what_of_the_session_is_asked() -> None:
    made = compiled(
        """\
policy calm { default allow rule a { when stage == "request" then deny } }
policy taint {
  default allow
  rule a { when stage == "request" or (stage == "tool_call" and arg("to") tainted) then deny }
}
policy advice { default allow rule a { then deny advise turn = session.turn } }
policy unit { default allow rule a { then throttle 9 session.turn per 1h by user.id } }
policy keys { default allow rule a { then throttle 9 requests per 1h by user.id, session.turn } }
policy out { rollout 10% by session.turn default allow }
policy rule_out { default allow rule a { then deny rollout 10% by session.turn } }
"""
    )
    found = {one.name: (one.tainted, one.turns) for one in made.outlines}
    assert found.pop("calm") == (False, False)
    assert found.pop("taint") == (True, False)
    assert found.keys() == {"advice", "unit", "keys", "out", "rule_out"}
    assert set(found.values()) == {(False, True)}


def test_outlines_survive_the_cache() -> None:
    assert load_outlines(dump_outlines([SOME, SOME])) == [SOME, SOME]
    assert load_outlines(dump_outlines([])) == []
