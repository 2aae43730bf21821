from __future__ import annotations

from datetime import UTC, datetime, timedelta

from engine.runtime.decision import Message
from tests.runtime.made import answer, load, policies, policy, redact, request, rule


def spans(decision: object) -> list[tuple[str, int, int, str]]:
    return [(one.path, one.start, one.end, one.strategy) for one in decision.redactions]  # type: ignore[attr-defined]


def test_content_is_released_without_what_was_found() -> None:
    decision = answer(
        policies(policy("p", rule("a", redact("pii.email")))), request(content="to EMAIL.")
    )

    assert (decision.action, decision.content) == ("redact", "to [EMAIL].")
    assert spans(decision) == [("content", 3, 8, "label")]
    assert decision.messages is None


def test_each_message_keeps_its_role_and_place() -> None:
    messages = [
        {"role": "user", "text": "EMAIL"},
        {"role": "assistant", "text": "fine"},
        {"role": "user", "text": "a EMAIL"},
    ]

    decision = answer(
        policies(policy("p", rule("a", redact("pii.email")))), request(messages=messages)
    )

    assert decision.messages == (
        Message(role="user", text="[EMAIL]"),
        Message(role="assistant", text="fine"),
        Message(role="user", text="a [EMAIL]"),
    )
    assert [one[0] for one in spans(decision)] == ["messages[0].text", "messages[2].text"]
    assert decision.content is None


def test_two_rules_redact_the_same_arguments() -> None:
    made = policies(
        policy(
            "p",
            rule("a", redact("pii.email", path="tool.args")),
            rule("b", redact("pii.phone", path="tool.args")),
        )
    )
    tool = {"name": "mail", "args": {"to": "EMAIL", "call": ["PHONE"], "n": 1}}

    decision = answer(made, request(stage="tool_call", tool=tool))

    assert decision.arguments == {"to": "[EMAIL]", "call": ["[PHONE]"], "n": 1}
    assert {one.rule for one in decision.reasons} == {"p.a", "p.b"}


def test_nothing_found_is_simply_allowed() -> None:
    decision = answer(
        policies(policy("p", rule("a", redact("pii.email")))), request(content="fine")
    )

    assert (decision.action, decision.content, decision.redactions) == ("allow", None, ())


def test_arguments_are_redacted_inside() -> None:
    made = policies(policy("p", rule("a", redact("pii.email", path="tool.args"))))
    args = {"to": ["EMAIL", "x"], "n": 5, "deep": {"a": None, "on": True}}
    tool = {"name": "mail", "args": args}

    decision = answer(made, request(stage="tool_call", tool=tool))
    quiet = answer(made, request(stage="tool_call", tool={"name": "mail", "args": {"a": "b"}}))

    assert decision.arguments == {**args, "to": ["[EMAIL]", "x"]}
    assert args["to"] == ["EMAIL", "x"]
    assert [one[0] for one in spans(decision)] == ["tool.args.to.0"]
    assert (quiet.action, quiet.arguments) == ("allow", None)


def test_a_number_in_the_arguments_is_redacted_as_its_digits() -> None:
    made = policies(policy("p", rule("a", redact("pii.41", path="tool.args"))))
    args = {"card": 4111, "paid": True, "rate": 0.5}

    decision = answer(made, request(stage="tool_call", tool={"name": "pay", "args": args}))

    assert decision.arguments == {"card": "[41]11", "paid": True, "rate": 0.5}
    assert spans(decision) == [("tool.args.card", 0, 2, "label")]


def test_what_should_be_redacted_in_a_name_of_the_arguments_denies() -> None:
    made = policies(policy("p", rule("a", redact("pii.email", path="tool.args"))))
    tool = {"name": "mail", "args": [{"deep": {"EMAIL": 1}}, "EMAIL"]}

    decision = answer(made, request(stage="tool_call", tool=tool))

    assert decision.action == "deny"
    assert decision.reasons[0].failure == "tool.args (a name in it holds pii.email)"


def test_a_text_attribute_is_redacted_by_its_path() -> None:
    made = policies(policy("p", rule("a", redact("pii.email", path="context.summary"))))

    decision = answer(made, request(content="EMAIL", context={"summary": "by EMAIL"}))

    assert decision.attributes == {"context.summary": "by [EMAIL]"}
    assert decision.content is None


def test_an_absent_text_attribute_that_should_be_redacted_denies() -> None:
    made = policies(policy("p", rule("a", redact("pii.email", path="context.summary"))))

    assert answer(made).action == "deny"


def test_of_two_strategies_for_an_entity_the_stricter_is_used() -> None:
    made = load(
        """
        policy p { default allow rule a { then redact pii.email as mask("*", 2) } }
        policy q { default allow rule b { then redact pii.email, pii.phone as drop } }
        """
    )

    decision = answer(made, request(content="EMAIL, PHONE"))

    assert decision.content == ", "
    assert [one.rule for one in decision.reasons] == ["p.a", "q.b"]


def test_tokens_are_stable_in_a_session_only() -> None:
    made = policies(policy("p", rule("a", redact("pii.email", strategy="token"))))

    def token(session: str) -> str | None:
        return answer(made, request(content="EMAIL", session={"id": session})).content

    assert token("s") == token("s")
    assert token("s") != token("t")


def test_an_escalation_carries_what_may_be_released() -> None:
    made = load(
        """
        policy p {
          default allow
          rule a { then redact pii.email }
          rule b { then escalate to "slow" within 1h otherwise allow }
          rule c { then escalate to "quick" within 5m otherwise allow }
          rule d { then escalate to "strict" within 2h }
        }
        """
    )

    decision = answer(made, request(content="to EMAIL"))

    assert (decision.action, decision.content) == ("escalate", "to [EMAIL]")
    assert decision.escalation is not None
    assert (decision.escalation.queue, decision.escalation.otherwise) == ("strict", "deny")
    assert decision.escalation.expires_at == datetime(2026, 1, 1, tzinfo=UTC) + timedelta(hours=2)


def test_a_review_belongs_to_the_content_and_the_user() -> None:
    made = load('policy p { default allow rule a { then escalate to "q" } }')

    def review(**changes: object) -> str:
        escalation = answer(made, request(**changes)).escalation
        assert escalation is not None
        return escalation.review_id

    first = review(content="x")
    assert len(first) == 32
    assert first == review(content="x", request_id="other", session={"id": "s"})
    others = {
        review(content="y"),
        review(content="x", user={"id": "u2"}),
        review(content="x", tenant={"id": "south"}),
        review(content="x", stage="response"),
        review(messages=[{"role": "user", "text": "x"}]),
        review(content="x", tool={"name": "t", "args": {"a": 1}}),
    }
    assert len(others) == 6
    assert first not in others
