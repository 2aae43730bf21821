"""The command line called in this process, and small policy folders to call it on."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from click.testing import CliRunner, Result

from engine.cli.main import group

DOOR = """\
package desk

schema { context.amount: int? }

policy door "The front door" {
  default allow

  # Words that are not spoken here.
  rule no_word "A forbidden word" {
    when content contains "forbidden"
    then deny "that word is not spoken here"
    severity high
  }

  rule large {
    when stage == "tool_call" and (context.amount ?? 0) > 100
    then escalate to "leads" within 15m otherwise deny
  }

  rule mail {
    when stage == "response" and content has pii.email
    then redact pii.email as label
  }
}
"""

DOOR_TEST = """\
package desk

fixture guest { tenant.id: "north", user.id: "u1", stage: "request", content: "hello" }

test "the word" {
  given guest
  expect allow
  case "spoken" { content: "a forbidden word" } expect deny by door.no_word
}

test "large amounts" {
  given guest with { stage: "tool_call", tool.name: "pay", context.amount: 900 }
  expect escalate by door.large and queue == "leads"
  case "small" { context.amount: 5 } expect allow
}

test "mail" {
  given guest with { stage: "response", content: "write to a@example.com" }
  expect redact by door.mail and content == "write to [EMAIL]"
  case "none" { content: "hello" } expect allow
}

property the_word_stays_out { never allow when content contains "forbidden" }
"""

BROKEN = 'policy broken { default allow rule r { when tenant.plann == "x" then deny } }\n'
NEVER = """\
policy never {
  default allow
  rule r { when user.id == "a" and user.id == "b" then deny }
}
"""
"""Checks with a warning: the two conditions contradict each other."""

WHO = ("--tenant=north", "--user=u1")


def call(*arguments: str | Path, given: str | bytes | None = None) -> Result:
    """Return what ``engine ARGUMENTS`` did, with *given* on standard input."""
    return CliRunner().invoke(group, [str(one) for one in arguments], input=given)


def folder(root: Path, files: Mapping[str, str] | None = None) -> Path:
    """Write *files* (those of the front door when None) into *root* and return it."""
    if files is None:
        files = {"door.pol": DOOR, "door_test.pol": DOOR_TEST}
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return root
