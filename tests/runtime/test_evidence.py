from __future__ import annotations

from datetime import UTC, datetime

import pytest

from engine.content.findings import Finding, Injection
from engine.content.scan import Scanner, build_scanner
from engine.language.functions import Unknowable
from engine.runtime.evidence import Evidence, Mocks, Senses, nanoseconds
from engine.runtime.memory import MemoryStore
from engine.runtime.reader import build_reader
from engine.runtime.record import Record
from tests.runtime.made import FIELDS, MINUTE, NOW, Away, Words, meter, request, suspicious

READER = build_reader(FIELDS)
EMAIL = frozenset({"pii.email"})
PHONE = frozenset({"pii.phone"})


class Counting(Words):
    def __init__(self) -> None:
        self.asked: list[frozenset[str]] = []

    def scan(self, text: str, entities: frozenset[str]) -> tuple[Finding, ...]:
        self.asked.append(entities)
        return super().scan(text, entities)


def toxicity(classifier: str, text: str) -> float:
    if "?" in text:
        raise Unknowable("no answer in 40ms")
    return {"a": 0.2, "b": 0.7}.get(text, 0.0) + len(classifier) * 0.0


def record(**changes: object) -> Record:
    return READER.read(request(**changes))


def evidence(
    made: Record,
    store: MemoryStore | None = None,
    mocks: Mocks | None = None,
    scanner: Words | Scanner | None = None,
) -> Evidence:
    senses = Senses(
        scanner or Words(), suspicious, toxicity, {"m": meter("m", "p.r", "user.id", "session.id")}
    )
    return Evidence(made, senses, store or MemoryStore(), NOW, mocks or {})


MESSAGES = [{"role": "user", "text": "a"}, {"role": "assistant", "text": "b EMAIL EMAIL"}]


@pytest.mark.parametrize("asked", [False, True], ids=["first", "after something else"])
def test_a_turn_that_was_sent_is_asked_of_nobody_and_remembered(asked: bool) -> None:  # noqa: FBT001
    made = record(session={"id": "s1", "turn": 7}, content="hi")
    senses = Senses(Words(), suspicious, toxicity)
    found = Evidence(made, senses, Away("turn"), NOW, {})
    if asked:
        found.injection("content")
    assert found.known("turn") is None
    assert (found.turn(), found.turn()) == (7, 7)
    assert found.known("turn") == 7
    assert (found.known(("injection", "content")) is not None) == asked


def test_the_clock_is_the_one_given() -> None:
    assert evidence(record()).now == datetime(2026, 1, 1, tzinfo=UTC)
    assert evidence(record()).attribute("now") == datetime(2026, 1, 1, tzinfo=UTC)
    assert nanoseconds(MINUTE) == 60 * 10**9


def test_content_is_all_messages() -> None:
    asked = evidence(record(messages=MESSAGES))

    assert asked.content() == "a\nb EMAIL EMAIL"
    assert asked.content() is asked.content()
    assert evidence(record()).content() == ""
    assert evidence(record(content="x")).attribute("content") == "x"
    assert evidence(record(messages=[])).content() == ""


def test_each_message_is_looked_at_by_itself() -> None:
    asked = evidence(record(messages=MESSAGES))

    ((first, nothing), (second, found)) = asked.findings("content", EMAIL)
    assert (first.path, first.role, nothing) == ("messages[0].text", "user", ())
    assert (second.path, [one.start for one in found]) == ("messages[1].text", [2, 8])
    assert asked.count("content", EMAIL) == 2
    assert asked.has("content", EMAIL)
    assert not asked.has("content", PHONE)


def test_a_text_is_scanned_once_for_an_entity() -> None:
    scanner = Counting()
    asked = evidence(record(content="EMAIL"), scanner=scanner)

    for _ in range(3):
        asked.has("content", EMAIL | PHONE)
        asked.has("content", EMAIL)
    asked.has("content", EMAIL | {"pii.card"})

    assert scanner.asked == [EMAIL | PHONE, frozenset({"pii.card"})]


def test_what_is_expected_is_looked_for_in_the_same_scan() -> None:
    scanner = Counting()
    asked = evidence(record(content="EMAIL PHONE EMAIL"), scanner=scanner)

    asked.expect("content", EMAIL | PHONE)
    assert not asked.has("content", frozenset({"pii.card"}))
    assert asked.count("content", EMAIL) == 2
    assert asked.has("content", PHONE)

    assert scanner.asked == [EMAIL | PHONE | {"pii.card"}]


def test_what_is_expected_after_a_scan_takes_one_more() -> None:
    scanner = Counting()
    asked = evidence(record(content="EMAIL PHONE"), scanner=scanner)

    assert not asked.has("content", frozenset({"pii.card"}))
    asked.expect("content", EMAIL | PHONE | {"pii.card"})
    assert asked.has("content", EMAIL)
    assert asked.has("content", PHONE)

    assert scanner.asked == [frozenset({"pii.card"}), EMAIL | PHONE]


def test_findings_of_two_scans_come_in_order() -> None:
    asked = evidence(record(content="EMAIL PHONE EMAIL"))

    assert asked.has("content", EMAIL)
    ((_, found),) = asked.findings("content", EMAIL | PHONE)
    assert [one.start for one in found] == [0, 6, 12]


@pytest.mark.parametrize(
    ("stage", "role"), [("request", "user"), ("response", "assistant"), ("document", "document")]
)
def test_the_stage_says_who_speaks(stage: str, role: str) -> None:
    (part,) = evidence(record(stage=stage, content="x")).parts("content")

    assert (part.path, part.role) == ("content", role)


def test_other_texts_are_looked_at_by_path() -> None:
    asked = evidence(record(context={"summary": "EMAIL"}))

    assert asked.has("context.summary", EMAIL)
    assert asked.parts("content") == ()
    with pytest.raises(Unknowable, match=r"context\.summary"):
        evidence(record()).has("context.summary", EMAIL)


def test_the_worst_part_counts() -> None:
    messages = [
        {"role": "user", "text": "b"},
        {"role": "user", "text": "a"},
        {"role": "user", "text": "IGNORE"},
    ]
    asked = evidence(record(messages=messages))

    assert asked.score("toxicity", "content") == 0.7
    assert asked.injection("content") == 0.9
    assert evidence(record()).injection("content") == 0.0
    assert evidence(record()).score("toxicity", "content") == 0.0
    assert evidence(record(stage="response", content="IGNORE")).injection("content") == 0.0


def test_a_failure_is_remembered_and_names_the_classifier() -> None:
    asked = evidence(record(content="why?"))

    for _ in range(2):
        with pytest.raises(Unknowable) as raised:
            asked.score("toxicity", "content")
        assert raised.value.what == "classifier.toxicity (no answer in 40ms)"


def test_mocks_answer_first() -> None:
    mocks: Mocks = {"injection": 1, "classifier.toxicity": 0.9, "meter.m": 7}
    asked = evidence(record(content="why?"), Away(), mocks)

    assert (asked.injection("content"), asked.score("toxicity", "content")) == (1.0, 0.9)
    assert asked.meter("m") == 7


def test_a_meter_counts_by_its_keys_absent_ones_together() -> None:
    store = MemoryStore()
    first = evidence(record(), store)
    counted = meter("m", "p.r", "user.id", "session.id")

    store.record("m", first.meter_key(counted), nanoseconds(counted.window), NOW)

    assert first.meter("m") == 1
    assert evidence(record(request_id="r"), store).meter("m") == 1
    assert evidence(record(session={"id": "s"}), store).meter("m") == 0


def test_labels_are_those_sent_and_those_put() -> None:
    store = MemoryStore()
    store.label("north", "s", "put", None, NOW)

    assert evidence(record(session={"id": "s", "labels": ["sent"]}), store).labels() == {
        "sent",
        "put",
    }
    assert evidence(record(session={"labels": ["sent"]}), store).attribute("session.labels") == {
        "sent"
    }


def test_a_store_that_is_away_is_unknowable() -> None:
    asked = evidence(record(session={"id": "s"}), Away())

    for question in (lambda: asked.meter("m"), asked.labels):
        with pytest.raises(Unknowable, match=r"the state store \(it is away\)"):
            question()


ARGS = {"to": [{"mail": "x"}, None], "0": "zero", "n": None}


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("to", 0, "mail"), "x"),
        (("to", 1), None),
        (("to", 2), None),
        (("to", "mail"), None),
        (("n",), None),
        (("n", "x"), None),
        ((0,), "zero"),
        (("none",), None),
    ],
)
def test_arguments_are_walked_by_path(path: tuple[str | int, ...], value: object) -> None:
    made = record(stage="tool_call", tool={"name": "t", "args": ARGS})

    assert evidence(made).argument(path) == value
    assert evidence(record()).argument(path) is None


@pytest.mark.parametrize(
    "args",
    [
        '{"amount": 900}',
        '\ufeff\n {"amount": 900}',
        '"{\\"amount\\": 900}"',
        '[{"amount": 900}]',
        {"Amount": 900},
        {"AMOUNT": 900, "other": 1},
        {"amount": 1, "amounT": 900},
    ],
)
def test_what_some_tools_would_find_and_others_not_cannot_be_known(args: object) -> None:
    for whole, path in ((args, ("amount",)), ({"a": [args]}, ("a", 0, "amount"))):
        made = evidence(record(stage="tool_call", tool={"name": "t", "args": whole}))
        with pytest.raises(Unknowable, match=r"an argument (inside a string|whose name is there)"):
            made.argument(path)
        assert made.argument(path[:-1]) == args, "what is there as a whole is known"


def test_names_are_alike_whose_letters_are_the_same_in_another_case() -> None:
    args = {"to\u212aens": 1, "straße": 2, "ab": 3}
    made = evidence(record(stage="tool_call", tool={"name": "t", "args": args}))
    with pytest.raises(Unknowable):
        made.argument(("tokens",))
    for name in ("strasse", "amount", "abc"):
        assert made.argument((name,)) is None


@pytest.mark.parametrize("text", ["", "a book", "900", "see [1]", "'{'"])
def test_there_is_nothing_in_a_string_that_is_no_json(text: str) -> None:
    made = evidence(record(stage="tool_call", tool={"name": "t", "args": {"a": text}}))
    assert made.argument(("a", "b")) is None
    assert made.argument(("a", 0)) is None


def test_arguments_are_searched_for_entities() -> None:
    args = {"a": ["EMAIL", {"b": "EMAIL"}, 5, 7.0, 0.5, True], "EMAIL": "x"}
    asked = evidence(record(tool={"name": "t", "args": args}))

    assert list(asked.argument_findings(EMAIL)) == ["EMAIL"]
    assert asked.argument_findings(PHONE) == {}
    assert asked.named_in_arguments(EMAIL | PHONE) == ("pii.email",)
    assert asked.named_in_arguments(PHONE) == ()


def test_a_secret_that_its_name_tells_is_found_in_the_arguments() -> None:
    args = {"db": {"password": "hunter2!x"}, "note": "hunter2!x", "to": "a@b.org"}
    made = record(stage="tool_call", tool={"name": "t", "args": args})
    asked = evidence(made, scanner=build_scanner((), {}))
    password = frozenset({"secret.password"})

    assert asked.argument_findings(password) == {
        "hunter2!x": (Finding("secret.password", 0, 9, 0.7),)
    }
    both = asked.argument_findings(password | {"pii.email"})
    assert both["a@b.org"] == (Finding("pii.email", 0, 7, 0.95),)


@pytest.mark.parametrize("stage", ["tool_result", "document", "tool_description"])
@pytest.mark.parametrize("speaker", ["user", "", "whoever"])
def test_no_role_makes_orders_of_what_a_tool_says(stage: str, speaker: str) -> None:
    said: list[str] = []

    def judge(text: str, role: str) -> Injection:
        said.append(role)
        return suspicious(text, role)

    tool = {"name": "t"} if stage.startswith("tool") else {}
    made = record(stage=stage, tool=tool, messages=[{"role": speaker, "text": "a"}])
    Evidence(made, Senses(Words(), judge), MemoryStore(), NOW).injection("content")

    assert said == ["document" if stage == "document" else "tool"]
