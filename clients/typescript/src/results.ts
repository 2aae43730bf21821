/** What a daemon answers, as read-only values: times are Dates, spans of time are milliseconds, decimals are strings. */

/** What is to happen. A value from a newer daemon that this client does not know arrives as deny. */
export type Action = "allow" | "redact" | "escalate" | "throttle" | "deny";

/** Where a review stands. A value that this client does not know arrives as open. */
export type ReviewState = "open" | "approved" | "rejected" | "edited" | "expired";

/** Where in the conversation the content stands. */
export type Stage = "request" | "response" | "tool_call" | "tool_result" | "document" | "tool_description";

/** One part of a conversation: who speaks, and the text. */
export interface Message {
  readonly role: string;
  readonly text: string;
}

/** One rule (or a policy's default: then `rule` is empty) that led to the outcome. */
export interface Reason {
  readonly policy: string;
  readonly rule: string;
  readonly action: Action;
  readonly message: string;
  readonly severity: string;
  readonly tags: readonly string[];
  readonly owner: string;
  /** What could not be known, when the rule counted as matched (or not) for that reason. */
  readonly failure: string;
  /** `file:line:column` of the rule. */
  readonly place: string;
}

/** One replaced span of the original, in Unicode code points (not UTF-16 units), end exclusive. */
export interface Redaction {
  readonly path: string;
  readonly start: number;
  readonly end: number;
  readonly entity: string;
  readonly strategy: string;
}

/** The tightest of the limits that the decision met. */
export interface Throttle {
  readonly rule: string;
  readonly unit: string;
  /** A decimal. */
  readonly limit: string;
  /** A decimal. */
  readonly remaining: string;
  /** When to try again; 0 unless refused. Of what may run at once: the latest, a settlement frees a place before. */
  readonly retryAfterMs: number;
  readonly key: string;
  /** Until all of the limit is there again; null: never, or the daemon cannot look. */
  readonly resetMs: number | null;
  /** The period of the limit; null for what may run at once. */
  readonly windowMs: number | null;
}

/**
 * The review that was opened or joined. Once `state` is not "open" any more, the decision is what came of it; or it waits
 * for the approval's token, where an approval is good for once.
 */
export interface Escalation {
  readonly reviewId: string;
  readonly queue: string;
  readonly expiresAt: Date;
  /** What holds when nobody answers in time. */
  readonly otherwise: Action;
  readonly state: ReviewState;
  readonly approvalsNeeded: number;
}

/** What would have been decided had the shadow rules been enforced too. */
export interface Shadow {
  readonly action: Action;
  readonly reasons: readonly Reason[];
}

/** One wrong path of a request, and what is wrong with it. */
export interface Violation {
  readonly path: string;
  readonly description: string;
}

/** Why one request of a batch could not be decided: the status's name, and every wrong path. */
export interface Failure {
  readonly code: string;
  readonly message: string;
  readonly violations: readonly Violation[];
}

/**
 * May it pass, and in what form? `action` is the policies' answer, `effectiveAction` what the caller is to do, stricter
 * where its capabilities do not suffice. `content`, `messages` and `arguments` hold what to use instead of the original;
 * null: nothing was replaced.
 */
export interface Decision {
  readonly action: Action;
  readonly effectiveAction: Action;
  /** Whether the content may go on, as it is or redacted. */
  readonly passes: boolean;
  /** The sentences of the reasons in one line. */
  readonly reason: string;
  readonly reasons: readonly Reason[];
  readonly content: string | null;
  readonly messages: readonly Message[] | null;
  readonly arguments: unknown;
  /** Text attributes to use instead, by path, where rules redacted in them. */
  readonly attributes: Readonly<Record<string, string>>;
  readonly redactions: readonly Redaction[];
  /** How many placeholders of this session were turned back into what they stand for. */
  readonly restored: number;
  readonly throttle: Throttle | null;
  readonly escalation: Escalation | null;
  readonly advice: Readonly<Record<string, unknown>>;
  /** Labels put on the session by this decision. */
  readonly labels: readonly string[];
  /** Whether something was taken that waits to be settled; null from a daemon that does not say. */
  readonly reserved: boolean | null;
  readonly shadow: Shadow | null;
  readonly downgradeReason: string;
  /** Why limits were not held as they are written though they let this pass; else empty. */
  readonly degraded: string;
  /** The digest of the bundle that decided. */
  readonly revision: string;
  readonly requestId: string;
  readonly decisionId: string;
  readonly evaluatedInNs: number;
  /** Only in batches: the request could not be decided; the actions are then deny. */
  readonly failure: Failure | null;
}

/** One condition of an explanation and what it came to. */
export interface Step {
  readonly text: string;
  /** Null also when it could not be known or was not reached. */
  readonly value: unknown;
  readonly unknown: string;
  /** False when the outcome was certain before this part was needed. */
  readonly reached: boolean;
  readonly place: string;
  readonly parts: readonly Step[];
}

/** One rule of an explanation, whether it matched, and its conditions. */
export interface RuleTrace {
  readonly rule: string;
  readonly action: Action;
  readonly matched: boolean;
  readonly shadow: boolean;
  readonly when: Step | null;
  readonly unless: Step | null;
  readonly place: string;
  readonly unknown: string;
  readonly expired: boolean;
}

/** One policy of an explanation, whether it applies, and its rules. */
export interface PolicyTrace {
  readonly policy: string;
  readonly applied: boolean;
  readonly outcome: Action | null;
  readonly applies: Step | null;
  readonly rules: readonly RuleTrace[];
  readonly place: string;
  readonly shadow: boolean;
}

/** Why a decision is what it is, and what it would have needed to come out otherwise. */
export interface Explanation {
  readonly decision: Decision;
  readonly policies: readonly PolicyTrace[];
  readonly misses: readonly string[];
  readonly text: string;
}

/** How the daemon is: which policies it serves, since when, and how the last reload went. */
export interface Status {
  readonly version: string;
  readonly serving: boolean;
  readonly revision: string;
  readonly loadedAt: Date | null;
  readonly policies: number;
  readonly rules: number;
  readonly lastError: string;
}

/** A decision on the same conversation. */
export interface EarlierDecision {
  readonly time: Date;
  readonly decisionId: string;
  readonly stage: Stage | "";
  readonly action: Action;
  readonly effectiveAction: Action;
  readonly rules: readonly string[];
  readonly labels: readonly string[];
}

/**
 * What a person is asked, and the answer. `content`, `messages` and `arguments` are what is to be released (null: there is
 * none, or it is not shown, see `hidden`); with `full` they are what came.
 */
export interface Review {
  readonly reviewId: string;
  readonly state: ReviewState;
  readonly queue: string;
  readonly tenant: string;
  readonly user: string;
  readonly stage: Stage | "";
  readonly reasons: readonly Reason[];
  readonly revision: string;
  readonly openedAt: Date | null;
  readonly expiresAt: Date | null;
  readonly otherwise: Action;
  readonly content: string | null;
  readonly messages: readonly Message[] | null;
  readonly arguments: unknown;
  readonly severity: string;
  /** Why nothing is shown; empty where it is. */
  readonly hidden: string;
  readonly tool: string;
  readonly session: string;
  readonly decisionId: string;
  readonly round: number;
  readonly claimedBy: string;
  readonly claimedUntil: Date | null;
  readonly approvedBy: readonly string[];
  readonly approvalsNeeded: number;
  readonly resolvedBy: string;
  readonly resolvedAt: Date | null;
  readonly note: string;
  /** What was decided in this conversation before, the oldest first; see `get`. */
  readonly earlier: readonly EarlierDecision[];
  /** Why decisions may be missing there; empty when none are. */
  readonly earlierMissing: string;
  /** Proof of the approval, to be presented once: `approval` of a request. */
  readonly approvalToken: string;
  readonly approvalExpiresAt: Date | null;
  readonly approvalUsedAt: Date | null;
  readonly keepsFull: boolean;
  readonly full: boolean;
}

/** Some reviews, the gravest first and then the oldest; `after` leads on, empty at the end. */
export interface ReviewPage {
  readonly reviews: readonly Review[];
  readonly after: string;
}

/** One thing that was done with a review, and how it stood after it. */
export interface ReviewDeed {
  readonly number: number;
  readonly time: Date;
  readonly act: string;
  readonly who: string;
  readonly note: string;
  readonly state: ReviewState;
  readonly round: number;
}
