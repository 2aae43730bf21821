"""Realistic rule sets and requests, the same in Pol, Cedar, CEL and plain Python.

Ten rules a tenant, each of another kind and with limits and words of its own; every rule denies.
All is drawn from a fixed seed, so that two runs (and two machines) measure the same.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

SEED = 20_261_127
TOOLS = ("send_mail", "delete_file", "transfer", "search", "deploy", "read_file")
REGIONS = ("eu", "us", "apac", "latam")
PURPOSES = ("care", "research", "billing", "training", "support")
ROLES = ("admin", "nurse", "clerk", "contractor", "support", "auditor")
TOPICS = ("dosage", "legal", "finance", "weather", "travel", "health")
STAGES = ("request", "response", "tool_call", "tool_result", "document")
PLANS = ("free", "pro", "enterprise")

Condition = Callable[[Any], bool]
"""A rule's condition on a record, as somebody would write it in Python."""

SCHEMA = """\
schema {
  tenant.plan:      "free" | "pro" | "enterprise"
  user.clearance:   int
  context.amount:   int
  context.tokens:   int
  context.region:   string
  context.purpose:  string
  context.topics:   set<string>
}
"""


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule in four forms. *tenant* is not in *python*: there the caller looks the tenant up."""

    tenant: str
    name: str
    pol: str
    cedar: str
    cel: str
    python: Condition

    @property
    def full_name(self) -> str:
        """The name under which every engine reports the rule."""
        return f"{self.tenant}.{self.name}"


def quoted(words: Iterable[str]) -> str:
    """Return *words* as string literals with commas, which look the same everywhere."""
    return ", ".join(f'"{word}"' for word in words)


def tenant_rules(tenant: str, rng: random.Random) -> list[Rule]:
    """Return the ten rules of *tenant*."""
    return [
        stage_and_tool(tenant, rng),
        clearance(tenant, rng),
        region_of_role(tenant, rng),
        large_amount(tenant, rng),
        role_and_purpose(tenant, rng),
        topics(tenant, rng),
        long_session(tenant, rng),
        huge_amount(tenant, rng),
        free_plan_tokens(tenant, rng),
        purpose_outside(tenant, rng),
    ]


def stage_and_tool(tenant: str, rng: random.Random) -> Rule:
    """Return a rule about one tool."""
    tool = rng.choice(TOOLS)
    return Rule(
        tenant,
        "no_tool",
        f'when stage == "tool_call" and tool.name == "{tool}"',
        f'context.stage == "tool_call" && context.tool.name == "{tool}"',
        f'stage == "tool_call" && tool.name == "{tool}"',
        lambda record: record.stage == "tool_call" and record.tool.name == tool,
    )


def clearance(tenant: str, rng: random.Random) -> Rule:
    """Return a rule about the user's clearance at one stage."""
    stage, level = rng.choice(STAGES), rng.randrange(1, 4)
    return Rule(
        tenant,
        "clearance",
        f'when stage == "{stage}" and user.clearance < {level}',
        f'context.stage == "{stage}" && context.user.clearance < {level}',
        f'stage == "{stage}" && user.clearance < {level}',
        lambda record: record.stage == stage and record.user.clearance < level,
    )


def region_of_role(tenant: str, rng: random.Random) -> Rule:
    """Return a rule about regions that all but one role are kept from."""
    regions, role = rng.sample(REGIONS, 2), rng.choice(ROLES)
    known = frozenset(regions)
    return Rule(
        tenant,
        "region",
        f'when context.region in {{{quoted(regions)}}} unless user.roles contains "{role}"',
        f'[{quoted(regions)}].contains(context.region) && !context.user.roles.contains("{role}")',
        f'context.region in [{quoted(regions)}] && !("{role}" in user.roles)',
        lambda record: record.context.region in known and role not in record.user.roles,
    )


def large_amount(tenant: str, rng: random.Random) -> Rule:
    """Return a rule about amounts on one plan."""
    limit, plan = rng.randrange(500, 5000), rng.choice(PLANS)
    return Rule(
        tenant,
        "large_amount",
        f'when context.amount > {limit} and tenant.plan == "{plan}"',
        f'context.amount > {limit} && context.tenant.plan == "{plan}"',
        f'context.amount > {limit} && tenant.plan == "{plan}"',
        lambda record: record.context.amount > limit and record.tenant.plan == plan,
    )


def role_and_purpose(tenant: str, rng: random.Random) -> Rule:
    """Return a rule about what a role may not do."""
    role, purpose = rng.choice(ROLES), rng.choice(PURPOSES)
    return Rule(
        tenant,
        "purpose",
        f'when user.roles contains "{role}" and context.purpose == "{purpose}"',
        f'context.user.roles.contains("{role}") && context.purpose == "{purpose}"',
        f'"{role}" in user.roles && context.purpose == "{purpose}"',
        lambda record: role in record.user.roles and record.context.purpose == purpose,
    )


def topics(tenant: str, rng: random.Random) -> Rule:
    """Return a rule about what an answer may be about."""
    some = rng.sample(TOPICS, 2)
    known = frozenset(some)
    return Rule(
        tenant,
        "topics",
        f'when stage == "response" and context.topics overlaps {{{quoted(some)}}}',
        f'context.stage == "response" && context.topics.containsAny([{quoted(some)}])',
        f'stage == "response" && context.topics.exists(t, t in [{quoted(some)}])',
        lambda record: record.stage == "response" and not known.isdisjoint(record.context.topics),
    )


def long_session(tenant: str, rng: random.Random) -> Rule:
    """Return a rule about the length of a session."""
    turns, role = rng.randrange(20, 90), rng.choice(ROLES)
    return Rule(
        tenant,
        "long_session",
        f'when session.turn > {turns} unless user.roles contains "{role}"',
        f'context.session.turn > {turns} && !context.user.roles.contains("{role}")',
        f'session.turn > {turns} && !("{role}" in user.roles)',
        lambda record: record.session.turn > turns and role not in record.user.roles,
    )


def huge_amount(tenant: str, rng: random.Random) -> Rule:
    """Return a rule about amounts that nobody may move."""
    limit = rng.randrange(5000, 9000)
    return Rule(
        tenant,
        "huge_amount",
        f"when context.amount > {limit}",
        f"context.amount > {limit}",
        f"context.amount > {limit}",
        lambda record: record.context.amount > limit,
    )


def free_plan_tokens(tenant: str, rng: random.Random) -> Rule:
    """Return a rule about tokens on a plan."""
    limit, plan = rng.randrange(2000, 9000), rng.choice(PLANS)
    return Rule(
        tenant,
        "tokens",
        f'when tenant.plan == "{plan}" and context.tokens > {limit}',
        f'context.tenant.plan == "{plan}" && context.tokens > {limit}',
        f'tenant.plan == "{plan}" && context.tokens > {limit}',
        lambda record: record.tenant.plan == plan and record.context.tokens > limit,
    )


def purpose_outside(tenant: str, rng: random.Random) -> Rule:
    """Return a rule about a purpose outside its region."""
    purpose, region = rng.choice(PURPOSES), rng.choice(REGIONS)
    return Rule(
        tenant,
        "outside",
        f'when context.purpose == "{purpose}" and context.region != "{region}"',
        f'context.purpose == "{purpose}" && context.region != "{region}"',
        f'context.purpose == "{purpose}" && context.region != "{region}"',
        lambda record: record.context.purpose == purpose and record.context.region != region,
    )


@dataclass(frozen=True, slots=True)
class Workload:
    """Rules, ten a tenant, and requests in the form that the door takes."""

    rules: tuple[Rule, ...]
    requests: tuple[dict[str, Any], ...]

    @property
    def tenants(self) -> dict[str, list[Rule]]:
        """The rules by tenant."""
        made: dict[str, list[Rule]] = {}
        for rule in self.rules:
            made.setdefault(rule.tenant, []).append(rule)
        return made


def make_workload(rules: int, requests: int = 200) -> Workload:
    """Return *rules* rules, ten a tenant, and *requests* requests of these tenants."""
    rng = random.Random(SEED)
    tenants = [f"t{number:05d}" for number in range(max(1, rules // 10))]
    made = tuple(rule for tenant in tenants for rule in tenant_rules(tenant, rng))
    asked = tuple(make_request(rng.choice(tenants), rng) for _ in range(requests))
    return Workload(made, asked)


def make_request(tenant: str, rng: random.Random) -> dict[str, Any]:
    """Return a request of *tenant*; about half of them break no rule."""
    calm = rng.random() < 0.7
    return {
        "tenant": {"id": tenant, "plan": rng.choice(PLANS)},
        "user": {
            "id": f"u{rng.randrange(1000)}",
            "roles": sorted(rng.sample(ROLES, 4 if calm else 1)),
            "clearance": 3 if calm else rng.randrange(4),
        },
        "stage": "request" if calm else rng.choice(STAGES),
        "tool": {"name": "none" if calm else rng.choice(TOOLS)},
        "session": {"turn": rng.randrange(20 if calm else 100)},
        "context": {
            "amount": rng.randrange(400 if calm else 9000),
            "tokens": rng.randrange(1500 if calm else 9000),
            "region": rng.choice(REGIONS),
            "purpose": rng.choice(PURPOSES),
            "topics": sorted(rng.sample(TOPICS, 2)),
        },
        "content": "Summarise the attached discharge letter for the ward round.",
    }


# --- the rules as text ---------------------------------------------------------------------------


def pol_files(workload: Workload, tenants_per_file: int = 1) -> dict[str, str]:
    """Return the policy files by path: the schema, and policies, some tenants a file."""
    files = {"schema.pol": SCHEMA}
    tenants = list(workload.tenants.items())
    for start in range(0, len(tenants), tenants_per_file):
        some = tenants[start : start + tenants_per_file]
        files[f"{some[0][0]}.pol"] = "\n".join(pol_policy(name, rules) for name, rules in some)
    return files


def pol_policy(tenant: str, rules: Sequence[Rule]) -> str:
    """Return the policy of one tenant."""
    body = "\n".join(
        f'  rule {rule.name} {{\n    {rule.pol}\n    then deny "{rule.name} of {tenant}"\n  }}'
        for rule in rules
    )
    head = f'policy {tenant} "Policy of {tenant}" {{\n  applies when tenant.id == "{tenant}"\n'
    return f"{head}  default allow\n\n{body}\n}}\n"


def cedar_text(rules: Sequence[Rule]) -> str:
    """Return the rules as Cedar policies, in order, after one that permits."""
    head = ["permit (principal, action, resource);"]
    return "\n".join(
        head
        + [
            "forbid (principal, action, resource) when { "
            f'context.tenant.id == "{rule.tenant}" && {rule.cedar} }};'
            for rule in rules
        ]
    )
