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


def test_outlines_survive_the_cache() -> None:
    assert load_outlines(dump_outlines([SOME, SOME])) == [SOME, SOME]
    assert load_outlines(dump_outlines([])) == []
