from __future__ import annotations

import pytest

from engine.content.pseudonyms import Pseudonym
from engine.runtime.decision import Decision, Message
from engine.runtime.explain import explain
from engine.runtime.memory import SESSION_LIFE, MemoryStore
from engine.runtime.reversal import recall, remember
from engine.runtime.store import Store
from tests.runtime.made import NOW, Away, answer, load, policies, policy, redact, request, rule

HIDE = load(
    """
    policy p {
      default allow
      rule hide { when stage == "request" then redact pii.email as token }
    }
    """
)
HERE = {"id": "s1"}


def hidden(store: Store, session: object = HERE, **more: object) -> str:
    """Return what stands for EMAIL in the session."""
    decision = answer(HIDE, request(content="EMAIL", session=session, **more), store)
    assert decision.content is not None
    assert decision.content.startswith("[EMAIL_")
    return decision.content


def back(store: Store, **changes: object) -> Decision:
    return answer(HIDE, request(**{"stage": "response", "session": HERE} | changes), store)


def test_what_was_taken_out_of_a_prompt_comes_back_in_the_response() -> None:
    store = MemoryStore()
    token = hidden(store)

    decision = back(store, content=f"I wrote to {token}, as {token}.")

    assert (decision.action, decision.restored) == ("allow", 2)
    assert decision.content == "I wrote to EMAIL, as EMAIL."
    assert decision.redactions == ()


def test_messages_keep_their_roles() -> None:
    store = MemoryStore()
    token = hidden(store)
    messages = [{"role": "assistant", "text": token}, {"role": "assistant", "text": "fine"}]

    decision = back(store, messages=messages)

    assert decision.content is None
    assert decision.messages == (
        Message(role="assistant", text="EMAIL"),
        Message(role="assistant", text="fine"),
    )


def test_arguments_of_tool_calls_get_their_values_and_keep_their_structure() -> None:
    store = MemoryStore()
    token = hidden(store)
    args = {"to": [token, 7], "body": {"text": f"dear {token}", "urgent": True}, token: None}

    decision = back(store, stage="tool_call", tool={"name": "mail", "args": args})

    assert decision.arguments == {
        "to": ["EMAIL", 7],
        "body": {"text": "dear EMAIL", "urgent": True},
        token: None,
    }
    assert decision.restored == 2


def test_never_across_tenants_or_sessions_nor_without_one() -> None:
    store = MemoryStore()
    said = f"to {hidden(store)}"

    elsewhere: tuple[dict[str, object], ...] = (
        {"tenant": {"id": "south"}},
        {"session": {"id": "s2"}},
        {"session": {}},
    )
    for changes in elsewhere:
        decision = back(store, content=said, **changes)
        assert (decision.content, decision.restored) == (None, 0), changes


def test_an_explanation_looks_at_what_would_be_released() -> None:
    store = MemoryStore()
    made = load(
        """
        policy p {
          default allow
          rule hide { when stage == "request" then redact pii.email as token }
          rule keep { when stage == "response" and content has pii.email then deny }
        }
        """
    )
    token = answer(made, request(content="EMAIL", session=HERE), store).content
    record = made.reader.read(request(stage="response", content=token, session=HERE))

    explanation = explain(made, record, store, NOW)

    assert explanation.decision.action == "deny"
    assert "content has pii.email is true" in explanation.text


def test_without_a_session_nothing_is_kept() -> None:
    store = MemoryStore()
    token = hidden(store, session={})
    assert back(store, content=token).restored == 0


def test_elsewhere_nothing_comes_back() -> None:
    store = MemoryStore()
    token = hidden(store)
    for stage in ("request", "document", "tool_result"):
        decision = back(store, content=token, stage=stage, tool={"name": "t"})
        assert decision.restored == 0


def test_policies_judge_what_would_be_released() -> None:
    store = MemoryStore()
    both = load(
        """
        policy p {
          default allow
          rule hide { when stage == "request" then redact pii.email as token }
          rule keep { when stage == "tool_call" and content has pii.email then deny "stays here" }
          rule mask { when stage == "response" then redact pii.email }
        }
        """
    )
    token = answer(both, request(content="EMAIL", session=HERE), store).content

    denied = answer(
        both,
        request(content=token, session=HERE, stage="tool_call", tool={"name": "t"}),
        store,
    )
    masked = answer(both, request(content=f"a {token}", session=HERE, stage="response"), store)

    assert (denied.action, denied.content, denied.restored) == ("deny", None, 0)
    assert (masked.content, masked.restored) == ("a [EMAIL]", 1)


def test_for_a_caller_that_cannot_mask_the_placeholders_stay() -> None:
    store = MemoryStore()
    token = hidden(store)
    assert back(store, content=token, capabilities=["wait"]).restored == 0
    assert back(store, content=token, capabilities=["mask"]).restored == 1


def test_what_is_kept_ends_with_the_session() -> None:
    store = MemoryStore()
    token = hidden(store)
    asked = request(stage="response", session=HERE, content=token)
    assert answer(HIDE, asked, store, NOW + SESSION_LIFE - 1).restored == 1
    assert answer(HIDE, asked, store, NOW + SESSION_LIFE).restored == 0


def test_looking_keeps_nothing() -> None:
    store = MemoryStore()
    decision = answer(HIDE, request(content="EMAIL", session=HERE), store, consume=False)
    assert decision.content is not None
    assert back(store, content=decision.content).restored == 0


def test_policies_without_placeholders_do_not_look() -> None:
    labels = policies(policy("p", rule("a", redact("pii.email"))))
    decision = answer(
        labels,
        request(stage="response", session=HERE, content="[EMAIL_00000000]"),
        Away("recall"),
    )
    assert decision.restored == 0
    assert not labels.reversible


def test_while_the_store_is_away_placeholders_stay() -> None:
    assert back(Away("recall"), content="[EMAIL_00000000]").restored == 0


def test_what_cannot_be_kept_is_redacted_all_the_same_and_says_so() -> None:
    decision = answer(HIDE, request(content="EMAIL", session=HERE), Away("remember"))
    assert decision.action == "redact"
    assert decision.content is not None
    assert "EMAIL_" in decision.content
    assert "its placeholders cannot be turned back" in decision.reasons[0].failure


def test_another_rule_beside_it_has_no_part_in_the_failure() -> None:
    made = load(
        """
        policy p {
          default allow
          rule hide { then redact pii.email as token }
          rule mask { then redact pii.card }
        }
        """
    )
    decision = answer(made, request(content="EMAIL CARD", session=HERE), Away("remember"))
    failures = {one.rule: bool(one.failure) for one in decision.reasons}
    assert failures == {"p.hide": True, "p.mask": False}


def test_what_no_one_of_us_sealed_opens_nothing() -> None:
    store = MemoryStore()
    store.remember("north", "s1", {"00000000": b"x" * 40, "11111111": b"x"}, NOW)
    assert back(store, content="[EMAIL_00000000] [EMAIL_11111111]").restored == 0


def test_of_two_values_that_share_their_digits_neither_is_turned_back() -> None:
    store, record = MemoryStore(), HIDE.reader.read(request(session=HERE))
    made = {
        bytes(4) + b"1" * 28: Pseudonym("EMAIL", "ann@example.org"),
        bytes(4) + b"2" * 28: Pseudonym("EMAIL", "bob@example.org"),
        b"\x11" * 32: Pseudonym("EMAIL", "cy@example.org"),
    }
    remember(HIDE, record, made, store, NOW)
    assert list(recall(HIDE, record, frozenset({"00000000"}), store, NOW)) == []
    assert list(recall(HIDE, record, frozenset({"11111111"}), store, NOW)) == ["11111111"]


def test_the_digits_of_a_placeholder_behind_another_word_stay() -> None:
    store = MemoryStore()
    content = hidden(store).replace("EMAIL", "PHONE")
    assert back(store, content=content).restored == 0


@pytest.mark.parametrize("content", ["nothing of the sort", "", "[EMAIL_00000000]"])
def test_texts_without_known_placeholders_are_left_alone(content: str) -> None:
    decision = back(MemoryStore(), content=content)
    assert (decision.content, decision.restored) == (None, 0)
