from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

from engine.language import program, typed
from engine.language.types import IP
from tests.language.checking import check_texts, checked, codes


def rule(then: str, declarations: str = "") -> program.Rule:
    """Return the rule that *then* makes."""
    return checked(a=f"{declarations} policy p {{ default allow rule r {{ then {then} }} }}").rules[
        0
    ]


def test_names_carry_policy_and_package() -> None:
    policy = checked(
        a="""
        package clinic.ward
        # Who may what.
        policy p "Ward rules" {
          default deny "ask the ward"
          # Doctors may.
          rule b "Doctors" { then allow }
          rule a { then deny "no" }
        }"""
    ).policies[0]
    assert (policy.name, policy.title, policy.doc) == (
        "clinic.ward.p",
        "Ward rules",
        "Who may what.",
    )
    assert (policy.default, policy.default_reason) == ("deny", "ask the ward")
    assert [one.name for one in policy.rules] == ["clinic.ward.p.a", "clinic.ward.p.b"]
    first, second = policy.rules
    assert (second.title, second.doc, second.policy) == ("Doctors", "Doctors may.", "clinic.ward.p")
    assert first.action == program.Deny("no")
    assert second.action == program.Allow()


def test_the_order_of_files_has_no_meaning() -> None:
    one, two = "policy a { default allow }", "policy b { default allow }"
    first, second = checked(x=one, y=two), checked(y=two, x=one)
    assert first == second


def test_a_throttle_is_complete() -> None:
    action = rule("throttle 60 requests per 1m by tenant.id, user.id").action
    assert isinstance(action, program.Throttle)
    assert (action.limit, action.burst) == (Decimal(60), Decimal(60))
    assert (action.unit, action.period, action.calendar, action.zone) == (
        "requests",
        timedelta(minutes=1),
        None,
        "UTC",
    )
    assert [key.path for key in action.keys] == ["tenant.id", "user.id"]


def test_a_budget_has_a_calendar_and_a_zone() -> None:
    action = rule('throttle 50.00 usd per calendar month in "Europe/Berlin" by tenant.id').action
    assert isinstance(action, program.Throttle)
    assert (action.period, action.calendar, action.zone) == (None, "month", "Europe/Berlin")
    assert action.limit == Decimal("50.00")


def test_a_throttle_counts_an_attribute_in_bursts() -> None:
    action = rule(
        "throttle 5 context.price per 1h by user.id burst 2.5", "schema { context.price: decimal }"
    ).action
    assert isinstance(action, program.Throttle)
    assert (action.unit, action.burst) == ("context.price", Decimal("2.5"))


def test_a_redaction_names_its_entities() -> None:
    action = rule('redact pii.any in tool.args as mask("#", 4)').action
    assert isinstance(action, program.Redact)
    assert {"pii.email", "pii.phone"} < action.entities
    assert (action.path, action.written) == ("tool.args", ("pii.any",))
    assert action.strategy == program.Strategy("mask", "#", 4)
    action = rule("redact pii.email").action
    assert isinstance(action, program.Redact)
    assert (action.path, action.strategy) == ("content", program.Strategy("label"))
    action = rule('redact pii.email as mask("x")').action
    assert isinstance(action, program.Redact)
    assert action.strategy == program.Strategy("mask", "x", 0)


def test_an_escalation_lasts_a_day_and_then_denies() -> None:
    assert rule('escalate to "q"').action == program.Escalate("q", timedelta(hours=24), "deny")
    assert rule('escalate to "q" within 15m otherwise allow').action == program.Escalate(
        "q", timedelta(minutes=15), "allow"
    )


def test_an_escalation_may_need_several_people() -> None:
    assert rule('escalate to "q" within 2h by 2 reviewers otherwise allow').action == (
        program.Escalate("q", timedelta(hours=2), "allow", 2)
    )
    assert rule('escalate to "q" by 16 reviewers').action == program.Escalate(
        "q", timedelta(hours=24), "deny", 16
    )


def test_concurrent_requests_are_limited_by_slots_for_ten_minutes_at_most() -> None:
    action = rule("throttle 4 concurrent by tenant.id").action
    assert isinstance(action, program.Throttle)
    assert action.unit == "concurrent"
    assert action.limit == action.burst == 4
    assert (action.period, action.calendar) == (timedelta(minutes=10), None)
    assert [key.path for key in action.keys] == ["tenant.id"]
    longer = rule("throttle 4 concurrent by tenant.id for 24h").action
    assert isinstance(longer, program.Throttle)
    assert longer.period == timedelta(hours=24)


def test_a_throttle_says_what_holds_while_the_state_is_away() -> None:
    throttle = "throttle 5 requests per 1m by user.id"
    assert rule(throttle).on_state_failure is None
    for word in ("deny", "allow", "local"):
        made = rule(f"{throttle} on_state_failure {word} on_failure escalate")
        assert (made.on_state_failure, made.on_failure) == (word, "escalate")


def test_a_label_names_the_stages_whose_content_it_carries() -> None:
    made = rule(
        'deny label session "a" from tool_result label session "b" for 1h from document, response'
    )
    assert made.labels == (
        program.Label("a", None, frozenset({"tool_result"})),
        program.Label("b", timedelta(hours=1), frozenset({"document", "response"})),
    )


def test_riders_arrive_in_the_rule() -> None:
    made = rule(
        """deny advise route = "sandbox" advise limit = session.turn + 1
        label session "a" for 1h label session "b" severity critical tags "x", "y", "x" owner "me"
        expires 2026-12-31 on_failure escalate mode shadow rollout 12.5% by session.id"""
    )
    assert [one.name for one in made.advise] == ["route", "limit"]
    assert isinstance(made.advise[0].value, typed.Constant)
    assert made.labels == (program.Label("a", timedelta(hours=1)), program.Label("b", None))
    assert (made.severity, made.tags, made.owner) == ("critical", ("x", "y"), "me")
    assert made.expires == datetime(2027, 1, 1, tzinfo=UTC)
    assert (made.on_failure, made.shadow) == ("escalate", True)
    assert made.rollout is not None
    assert (made.rollout.percent, made.rollout.key.path) == (Decimal("12.5"), "session.id")


def test_the_last_day_of_all_expires_too() -> None:
    assert rule("deny expires 9999-12-31").expires == datetime(9999, 12, 31, tzinfo=UTC)


def test_a_policy_is_in_a_mode_or_rolled_out() -> None:
    made = checked(
        a="policy a { mode shadow default allow } policy b { rollout 5% by user.id default allow }"
        "policy c { mode enforce default allow }"
    )
    assert [one.shadow for one in made.policies] == [True, False, False]
    rollout = made.policies[1].rollout
    assert rollout is not None
    assert rollout.percent == 5


def test_keys_are_typed_attributes() -> None:
    action = (
        checked(
            a="policy p { default allow rule r { when source.ip is present "
            "then throttle 5 requests per 1m by source.ip } }"
        )
        .rules[0]
        .action
    )
    assert isinstance(action, program.Throttle)
    key = action.keys[0]
    assert (key.path, key.optional, key.type) == ("source.ip", True, IP)


def test_a_wrong_rule_leaves_the_others() -> None:
    made, report = check_texts(
        a="policy p { default allow rule a { when nothing then deny } rule b { then deny } }"
        "policy q { applies when nothing default allow rule c { when user.idd == 1 then deny } }"
    )
    assert [one.name for one in made.rules] == ["p.b"]
    assert [one.code for one in report.sorted()] == ["E202", "E202", "E201"]


def reading(meter: str, policy: str) -> str:
    """Return a policy of which rule `r` reads *meter*."""
    return f"policy {policy} {{ default allow rule r {{ when meter.{meter} > 1 then deny }} }}"


def counting(rule: str, meter: str) -> str:
    """Return a meter that counts *rule*."""
    return f"meter {meter} counts rule {rule} by user.id over 1m "


def test_meters_must_not_go_in_circles_through_files() -> None:
    one = counting("p.r", "m") + reading("n", "p")
    two = counting("q.r", "n") + reading("m", "q")
    assert codes(a=one, b=two) == ["E513", "E513"]


def test_properties_are_unique_across_files() -> None:
    text = 'property p { never allow when stage == "request" }'
    assert codes(a=text, b=text) == ["E510"]


def test_what_another_file_uses_is_used() -> None:
    rule = "rule r { when session.turn > c and session.turn < x.b then deny }"
    test = 'test "t" { given x.f with { tenant.id: "a", user.id: "b" } expect allow }'
    assert (
        codes(
            a='package x let a = 1 let b = 20 fixture f { stage: "request" }',
            b="package y import x as other import x let c = other.a "
            f"policy p {{ default allow {rule} }}",
            c=f"package z import x {test}",
        )
        == []
    )


def test_taint_is_possible_where_any_file_has_a_label_that_carries_content() -> None:
    asking = 'policy q { default allow rule r { when arg("to") tainted then deny } }'
    carrying = 'policy p { default allow rule r { then allow label session "x" %s } }'
    assert codes(a=asking, b=carrying % "") == ["W716"]
    assert codes(a=asking, b=carrying % "from document") == []


def test_an_import_may_be_used_by_a_declaration() -> None:
    scan = "policy s { default allow rule r { when content has own.word then deny } }"
    assert codes(
        a='package x list l from "l.txt" policy p { default allow rule r { then deny } }',
        b="import x as y " + counting("y.p.r", "m") + reading("m", "q"),
        c=f"import x as y entity own.word {{ terms y.l }} {scan}",
        d="import x as y",
    ) == ["W720"]


def test_an_allow_rule_may_do_something_under_default_allow() -> None:
    allowing = "policy p {{ default allow rule r {{ then allow {} }} }} "
    assert codes(a=allowing.format("")) == ["W712"]
    assert codes(a=allowing.format('label session "x"')) == []
    assert codes(a=allowing.format("") + counting("p.r", "m") + reading("m", "q")) == []
    classifier = 'classifier c { endpoint = "grpc://a" on_failure = "deny" }'
    assert codes(a=allowing.format("") + classifier) == ["W720"]
