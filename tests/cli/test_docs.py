from __future__ import annotations

from pathlib import Path

from engine.cli.docs_text import code, plain, table
from tests.cli.calling import BROKEN, call, folder

ALL = """\
# Not a description of anything.

package clinic

schema {
  tenant.plan: "free" | "pro"  # What they pay for.
  user.clearance: int
}

schema when tenant.plan == "pro" { context.ward: string }

facts user from "users.json"
# Words that nobody may use.
list words from "words.txt"
# Who may see more.
let staff = {"nurse", "clerk"}

# A record number.
entity clinic.mrn { pattern /MRN-[0-9]|X`/ check luhn near "mrn", "record" }
entity clinic.word { terms words }

# A model.
classifier tox { endpoint = "grpc://127.0.0.1:1" timeout = 40ms on_failure = "deny" }

# Counts.
meter refusals counts rule wards.closed by user.id over 10m

# Says who may enter.
# And when.
policy wards "The wards" {
  applies when tenant.plan == "pro"
  mode shadow
  default deny "nobody | unless"

  # Closed to some. They *know*.
  rule closed {
    when user.clearance > 3 and user.roles overlaps staff
    then deny
    severity high
  }

  rule hide "Hide `numbers`" { then redact clinic.mrn, clinic.word as label }
}

policy lobby { default allow rollout 10% by user.id }
policy porch {
  default allow
  rule tox { when classifier.tox(content) > 0.5 and meter.refusals < 9 then deny }
}

test "one" {
  given { tenant: { id: "t", plan: "free" }, user: { id: "u", clearance: 1 }, stage: "request" }
  expect deny
  repeat 2 { case "again" { content: "x" } expect deny }
}

# Because.
property never_that "Never that" { never allow or redact when tenant.plan == "pro" }
"""
FILES = {"all.pol": ALL, "users.json": '{"u": {"clearance": 1}}', "words.txt": "a\nb\n"}


def test_everything_in_the_folder_is_told(tmp_path: Path) -> None:
    result = call("docs", folder(tmp_path / "house", FILES))
    assert result.exit_code == 0, result.output
    for line in (
        "# house",
        "3 policies, 3 rules, 1 test, 1 property",
        "| attribute | type | required | meaning |",
        '| `context.ward` | `string` | when `tenant.plan == "pro"` | |',
        '| `tenant.plan` | `"free" \\| "pro"` | yes | What they pay for. |',
        "| `user.clearance` | `int` | yes, by the facts or the request | |",
        "| `user.id` | `users.json` |",
        "| `clinic.words` | `words.txt` | 2 | Words that nobody may use. |",
        '| `clinic.staff` | `{"nurse", "clerk"}` | Who may see more. |',
        (
            '| `clinic.mrn` | pattern ``/MRN-[0-9]\\|X`/``, check `luhn`, near `"mrn"`, '
            '`"record"` | A record number. |'
        ),
        "| `clinic.word` | the terms of `words` | |",
        "| `meter.refusals` | `wards.closed` | `user.id` | 10m | Counts. |",
        "### `clinic.wards` — The wards",
        "Says who may enter.",
        'Applies when `tenant.plan == "pro"`. Without a matching rule: **deny**: nobody | unless.',
        "In shadow: evaluated and recorded, never enforced.",
        "| `closed` | `deny` | high | Closed to some. |",
        "#### `hide` — Hide `numbers`",
        "Closed to some. They \\*know\\*.",
        "when user.clearance > 3 and user.roles overlaps staff",
        "severity high",
        "then redact clinic.mrn, clinic.word as label",
        "Applies to every request. Without a matching rule: **allow**.",
        "Enforced for 10% of the values of `user.id`.",
        "- one",
        "  - again",
        ('- `clinic.never_that` — Never that: `never allow or redact when tenant.plan == "pro"`'),
        "  — Because.",
    ):
        assert f"\n{line}\n" in f"\n{result.stdout}", line
    assert "Not a description" not in result.stdout


def test_the_same_policies_give_the_same_text_in_a_file_too(tmp_path: Path) -> None:
    root = folder(tmp_path / "house", FILES)
    file = tmp_path / "POLICIES.md"
    assert call("docs", root, "-o", file).output == ""
    assert file.read_text() == call("docs", root).stdout


def test_sections_without_anything_are_left_out(tmp_path: Path) -> None:
    root = folder(tmp_path, {"p.pol": "policy p { default allow }\n"})
    result = call("docs", root, "--title", "Mine [x]")
    assert result.stdout == (
        "# Mine \\[x\\]\n\n1 policy, 0 rules, 0 tests, 0 properties\n\n## Policies\n\n"
        "### `p`\n\nApplies to every request. Without a matching rule: **allow**.\n"
    )


def test_tests_without_a_package_need_no_heading(tmp_path: Path) -> None:
    test = (
        'test "x" { given { tenant.id: "t", user.id: "u", stage: "request" } expect allow '
        "mock injection(content) = 0.5 }\n"
    )
    root = folder(
        tmp_path,
        {
            "p.pol": f"policy p {{ default allow }}\n{test}",
            "q.pol": f"package q\n{test}",
        },
    )
    assert call("docs", root).stdout.endswith("## Tests\n\n- x\n\n### `q`\n\n- x\n")


def test_bad_input_gets_a_sentence(tmp_path: Path) -> None:
    root = folder(tmp_path / "p", {"broken.pol": BROKEN})
    broken = call("docs", root)
    assert "error[E201]" in broken.stderr
    assert broken.exit_code == 2
    assert "name the policy folder" in call("docs", root / "broken.pol").stderr
    fine = folder(tmp_path / "fine", {"p.pol": "policy p { default allow }\n"})
    unwritable = call("docs", fine, "-o", tmp_path / "no/such.md")
    assert "cannot write" in unwritable.stderr
    assert unwritable.exit_code == 2


def test_markdown_shows_what_is_written() -> None:
    assert plain("a <b> [c] `<d>` e_f") == "a \\<b\\> \\[c\\] `<d>` e\\_f"
    assert code("a``b`") == "``` a``b` ```"
    assert list(table(("a", "b"), [("1|2", "")])) == ["| a |", "| --- |", "| 1\\|2 |"]
    assert list(table(("a",), [])) == []
