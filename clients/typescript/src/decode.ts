/** Messages of the daemon -> read-only values. */

import { status } from "@grpc/grpc-js";

import { NoDecision } from "./errors";
import { STAGES } from "./request";
import type * as results from "./results";
import { has, names, toNumber, type Wire } from "./wire";

const ACTIONS = byNumber<results.Action>("Action", "ACTION_");
export const STATES = names("ReviewState", "REVIEW_STATE_") as Map<results.ReviewState, number>;
const STATE_NAMES = new Map([...STATES].map(([name, number]) => [number, name]));
const STAGE_NAMES = new Map([...STAGES].map(([name, number]) => [number, name as results.Stage]));

/** Return the decision, under `requestId` when the wire used another one. */
export function readDecision(answer: Wire, requestId?: string): results.Decision {
  const effectiveAction = action(answer.effectiveAction);
  const reasons: results.Reason[] = answer.reasons.map(reason);
  return {
    action: action(answer.action),
    effectiveAction,
    passes: effectiveAction === "allow" || effectiveAction === "redact",
    reason: reasons.map((each) => each.message || each.rule || each.policy).join("; "),
    reasons,
    content: has(answer, "content") ? answer.content : null,
    messages: messages(answer),
    arguments: json(answer.argumentsJson, null),
    attributes: { ...answer.attributes },
    redactions: readRedactions(answer.redactions),
    restored: answer.restored,
    throttle: has(answer, "throttle") ? throttle(answer.throttle) : null,
    escalation: has(answer, "escalation") ? escalation(answer.escalation) : null,
    advice: json(answer.adviceJson, {}) as Record<string, unknown>,
    labels: answer.labels,
    reserved: has(answer, "reserved") ? answer.reserved : null,
    shadow: has(answer, "shadow")
      ? { action: action(answer.shadow.action), reasons: answer.shadow.reasons.map(reason) }
      : null,
    downgradeReason: answer.downgradeReason,
    degraded: answer.degraded,
    revision: answer.revision,
    requestId: requestId ?? answer.requestId,
    decisionId: answer.decisionId,
    evaluatedInNs: toNumber(answer.evaluatedInNs),
    failure: has(answer, "error") ? failure(answer.error) : null,
  };
}

/** Return what was replaced. */
export function readRedactions(redactions: Wire[]): results.Redaction[] {
  return redactions.map(({ path, start, end, entity, strategy }) => ({
    path,
    start: toNumber(start),
    end: toNumber(end),
    entity,
    strategy,
  }));
}

/** Return the explanation with all its policies. */
export function readExplanation(answer: Wire): results.Explanation {
  return {
    decision: readDecision(answer.decision ?? {}),
    policies: answer.policies.map(policyTrace),
    misses: answer.misses,
    text: answer.text,
  };
}

/** Return how the daemon is. */
export function readStatus(answer: Wire): results.Status {
  const { version, serving, revision, lastError } = answer;
  return {
    version,
    serving,
    revision,
    loadedAt: time(answer.loadedAt),
    policies: toNumber(answer.policies),
    rules: toNumber(answer.rules),
    lastError,
  };
}

/** Return the review. */
export function readReview(answer: Wire): results.Review {
  return {
    reviewId: answer.reviewId,
    state: state(answer.state),
    queue: answer.queue,
    tenant: answer.tenantId,
    user: answer.userId,
    stage: STAGE_NAMES.get(answer.stage) ?? "",
    reasons: answer.reasons.map(reason),
    revision: answer.revision,
    openedAt: time(answer.openedAt),
    expiresAt: time(answer.expiresAt),
    otherwise: action(answer.otherwise),
    content: has(answer, "content") ? answer.content : null,
    messages: messages(answer),
    arguments: json(answer.argumentsJson, null),
    severity: answer.severity,
    hidden: answer.hidden,
    tool: answer.tool,
    session: answer.session,
    decisionId: answer.decisionId,
    round: answer.round,
    claimedBy: answer.claimedBy,
    claimedUntil: time(answer.claimedUntil),
    approvedBy: answer.approvedBy,
    approvalsNeeded: answer.approvalsNeeded,
    resolvedBy: answer.resolvedBy,
    resolvedAt: time(answer.resolvedAt),
    note: answer.note,
    earlier: answer.earlier.map(earlier),
    earlierMissing: answer.earlierMissing,
    approvalToken: answer.approvalToken,
    approvalExpiresAt: time(answer.approvalExpiresAt),
    approvalUsedAt: time(answer.approvalUsedAt),
    keepsFull: answer.keepsFull,
    full: answer.full,
  };
}

/** Return what was done with a review, the oldest first. */
export function readHistory(answer: Wire): results.ReviewDeed[] {
  return answer.deeds.map((one: Wire) => ({
    number: toNumber(one.number),
    time: time(one.time) ?? new Date(0),
    act: one.act,
    who: one.who,
    note: one.note,
    state: state(one.state),
    round: one.round,
  }));
}

function byNumber<Name extends string>(enumeration: string, prefix: string): Map<number, Name> {
  return new Map([...names(enumeration, prefix)].map(([name, number]) => [number, name as Name]));
}

/** Return the action's name. What this client does not know is the strictest. */
function action(value: number): results.Action {
  return ACTIONS.get(value) ?? "deny";
}

function state(value: number): results.ReviewState {
  return STATE_NAMES.get(value) ?? "open";
}

function messages(answer: Wire): results.Message[] | null {
  return has(answer, "messages")
    ? answer.messages.messages.map(({ role, text }: Wire) => ({ role, text }))
    : null;
}

function reason(one: Wire): results.Reason {
  const { policy, rule, message, severity, tags, owner, failure: unknown, place } = one;
  return { policy, rule, action: action(one.action), message, severity, tags, owner, failure: unknown, place };
}

function throttle(one: Wire): results.Throttle {
  const { rule, unit, limit, remaining, key } = one;
  return {
    rule,
    unit,
    limit,
    remaining,
    retryAfterMs: span(one.retryAfter) ?? 0,
    key,
    resetMs: span(one.reset),
    windowMs: span(one.window),
  };
}

function escalation(one: Wire): results.Escalation {
  return {
    reviewId: one.reviewId,
    queue: one.queue,
    expiresAt: time(one.expiresAt) ?? new Date(0),
    otherwise: action(one.otherwise),
    state: state(one.state),
    approvalsNeeded: one.approvalsNeeded || 1,
  };
}

function failure(error: Wire): results.Failure {
  return {
    code: status[error.code] ?? "UNKNOWN",
    message: error.message,
    violations: error.violations.map(({ path, description }: Wire) => ({ path, description })),
  };
}

function earlier(one: Wire): results.EarlierDecision {
  return {
    time: time(one.time) ?? new Date(0),
    decisionId: one.decisionId,
    stage: STAGE_NAMES.get(one.stage) ?? "",
    action: action(one.action),
    effectiveAction: action(one.effectiveAction),
    rules: one.rules,
    labels: one.labels,
  };
}

function policyTrace(one: Wire): results.PolicyTrace {
  const { policy, applied, place, shadow } = one;
  return {
    policy,
    applied,
    outcome: one.outcome ? action(one.outcome) : null,
    applies: has(one, "applies") ? step(one.applies) : null,
    rules: one.rules.map(ruleTrace),
    place,
    shadow,
  };
}

function ruleTrace(one: Wire): results.RuleTrace {
  const { rule, matched, shadow, place, unknown, expired } = one;
  return {
    rule,
    action: action(one.action),
    matched,
    shadow,
    when: has(one, "when") ? step(one.when) : null,
    unless: has(one, "unless") ? step(one.unless) : null,
    place,
    unknown,
    expired,
  };
}

function step(one: Wire): results.Step {
  const { text, unknown, place } = one;
  const known = one.valueJson.length > 0;
  return { text, value: json(one.valueJson, null), unknown, reached: known || unknown !== "", place, parts: one.parts.map(step) };
}

function json(bytes: Uint8Array, absent: unknown): unknown {
  if (bytes.length === 0) {
    return absent;
  }
  try {
    return JSON.parse(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString());
  } catch {
    throw new NoDecision("INTERNAL", "the answer holds what is no JSON");
  }
}

/** Return a timestamp; null for none. A Date has whole milliseconds. */
function time(value: Wire): Date | null {
  const found = span(value);
  return found === null ? null : new Date(Math.floor(found));
}

/** Return the milliseconds of a duration (or since 1970); null for none. */
function span(value: Wire): number | null {
  return value ? toNumber(value.seconds) * 1000 + value.nanos / 1e6 : null;
}
