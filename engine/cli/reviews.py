"""``engine reviews``: what people must look at in; their answers out, into a data folder.

Each verb has a module of its own, or a few that are alike one; it is imported when it is called.
"""

from __future__ import annotations

import click

from engine.cli.main import LazyGroup, Verb

EPILOG = """\
\b
Examples:
  engine reviews list                          what waits, the gravest first
  engine reviews show 9f86d081884c7d65         (the beginning of an id is enough)
  engine reviews claim 9f86 --as ann
  engine reviews approve 9f86 --as ann --note "the customer called"
  engine reviews edit 9f86 --as ann --content "a refund of 60"
  engine reviews list --config engine.toml     (where this daemon has them)
  engine reviews move --to postgresql://engine@db.example/engine
  engine reviews stats
  engine reviews overturn 0197a1b2-… --note "a known customer"
  engine reviews to-test 9f86 --policies policies >> policies/reviews_test.pol

The folder may be that of a running daemon: gateways that ask again, or wait, have the answer at
once. Whoever may write to the folder may answer; the name that is given is believed and recorded.
With --address a daemon is asked instead: the token says who you are and what you may do.

Exit codes: 0 fine, 1 there is no such review or the act is refused, 2 there are no reviews or they
cannot be read.
"""

VERBS: dict[str, Verb] = {
    "list": Verb("engine.cli.reviews_list:list_reviews", "Show reviews, the gravest first."),
    "show": Verb("engine.cli.reviews_list:show", "Show what a review is about and its history."),
    "claim": Verb("engine.cli.reviews_act:claim", "Keep others away from a review for a while."),
    "release": Verb("engine.cli.reviews_act:release", "Give a claim up."),
    "hand-over": Verb("engine.cli.reviews_act:hand_over", "Give a claim to someone else."),
    "comment": Verb("engine.cli.reviews_act:comment", "Write a --note into the history."),
    "approve": Verb("engine.cli.reviews_act:approve", "Let it pass when it is asked again."),
    "edit": Verb("engine.cli.reviews_act:edit", "Let something else pass in its place."),
    "reject": Verb("engine.cli.reviews_act:reject", "Deny it; the note is told to who asked."),
    "overturn": Verb("engine.cli.reviews_overturn:overturn", "Say that a past denial was wrong."),
    "stats": Verb("engine.cli.reviews_stats:stats", "Show what became of reviews."),
    "to-test": Verb("engine.cli.reviews_to_test:to_test", "Write a test of what it is about."),
    "move": Verb("engine.cli.reviews_move:move", "Copy all of a folder into PostgreSQL."),
    "token": Verb("engine.cli.reviews_token:token", "Make a token for a reviewer."),
}


@click.group("reviews", cls=LazyGroup, verbs=VERBS, epilog=EPILOG)
def command() -> None:
    """List and answer what policies escalate to people."""
