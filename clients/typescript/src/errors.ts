/** What can go wrong: the policies say no, or there is no answer. Both are to be treated as "no". */

import { Metadata, type ServiceError, status } from "@grpc/grpc-js";

import type { Decision, Failure, Violation } from "./results";
import { readDetails } from "./wire";

/** Everything that this package throws: catching a PolError is "it may not pass". */
export class PolError extends Error {
  override name = "PolError";
}

/** The policies do not let it through. `decision` says why. */
export class NotAllowed extends PolError {
  override name = "NotAllowed";
  constructor(readonly decision: Decision) {
    super(`${decision.effectiveAction}: ${decision.reason}`);
  }
}

/** It must not pass. */
export class Denied extends NotAllowed {
  override name = "Denied";
}

/** Too much or too often: `decision.throttle.retryAfterMs` says when to try again. */
export class Throttled extends NotAllowed {
  override name = "Throttled";
}

/** It waits for a person: `decision.escalation` names the review. */
export class Escalated extends NotAllowed {
  override name = "Escalated";
}

/** There is no answer. `code` is the name of the gRPC status, for example `UNAVAILABLE`. */
export class NoDecision extends PolError {
  override name = "NoDecision";
  constructor(
    readonly code: string,
    /** The daemon's sentence. */
    readonly details: string,
    text = `${code}: ${details}`,
  ) {
    super(text);
  }
}

/** The daemon cannot be reached, went away during the call, or has no policies loaded yet. */
export class Unavailable extends NoDecision {
  override name = "Unavailable";
}

/** The answer did not come in time. Whether it was decided is not known, unless `details` says that it was never sent. */
export class DeadlineExceeded extends NoDecision {
  override name = "DeadlineExceeded";
}

/** The request is wrong; `violations` lists every wrong path. Nothing was consumed. */
export class InvalidRequest extends NoDecision {
  override name = "InvalidRequest";
  constructor(
    details: string,
    readonly violations: readonly Violation[] = [],
  ) {
    super(
      "INVALID_ARGUMENT",
      details,
      [details, ...violations.map((each) => `${each.path}: ${each.description}`)].join("; "),
    );
  }
}

/** What a reviewer wants cannot be done as the review stands; `details` says why. */
export class Refused extends NoDecision {
  override name = "Refused";
}

/** The token is no reviewer's, its reviewer has not the right, or no header can carry it; `details` says which. */
export class NotPermitted extends NoDecision {
  override name = "NotPermitted";
}

/** The call was given up through its AbortSignal; `cause` is the signal's reason. Its `name` is "AbortError", as elsewhere. */
export class Aborted extends NoDecision {
  override name = "AbortError";
  constructor(reason: unknown) {
    super("CANCELLED", "the call was given up");
    this.cause = reason;
  }
}

/** Return the error for a decision that does not let it through. */
export function notAllowed(decision: Decision): NotAllowed {
  switch (decision.effectiveAction) {
    case "throttle":
      return new Throttled(decision);
    case "escalate":
      return new Escalated(decision);
    default:
      return new Denied(decision);
  }
}

/** Return the error for a failed call. */
export function noDecision(failure: Failure): NoDecision {
  switch (failure.code) {
    case "INVALID_ARGUMENT":
      return new InvalidRequest(failure.message, failure.violations);
    case "UNAVAILABLE":
      return new Unavailable(failure.code, failure.message);
    case "FAILED_PRECONDITION":
      return new Refused(failure.code, failure.message);
    case "PERMISSION_DENIED":
    case "UNAUTHENTICATED":
      return new NotPermitted(failure.code, failure.message);
    case "DEADLINE_EXCEEDED":
      return new DeadlineExceeded(failure.code, failure.message);
    default:
      return new NoDecision(failure.code, failure.message);
  }
}

/** Return the error for what grpc-js reported. */
export function fromRpc(error: Pick<ServiceError, "code" | "details"> & { metadata?: Metadata }): NoDecision {
  return noDecision({
    code: status[error.code] ?? "UNKNOWN",
    message: error.details ?? "",
    violations: violationsOf(error.metadata),
  });
}

/** Return the error for one wrong path that was found before anything was sent. */
export function refused(path: string, description: string): InvalidRequest {
  return new InvalidRequest("the request cannot be sent", [{ path, description }]);
}

function violationsOf(metadata: Metadata | undefined): Violation[] {
  const found: Violation[] = [];
  for (const value of metadata?.get("grpc-status-details-bin") ?? []) {
    if (typeof value !== "string") {
      found.push(...readDetails(value));
    }
  }
  return found;
}
