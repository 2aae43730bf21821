/** Ask a policy engine daemon whether a prompt, a response, a tool call or a document may pass, and in what form. */

export { Client } from "./client";
export type { CallOptions, ClientOptions, Tls } from "./connection";
export {
  Aborted,
  DeadlineExceeded,
  Denied,
  Escalated,
  InvalidRequest,
  NoDecision,
  NotAllowed,
  NotPermitted,
  PolError,
  Refused,
  Throttled,
  Unavailable,
} from "./errors";
export type { Exchange, ExchangeOptions, Passed, Unsettled } from "./exchange";
export type { Guard, GuardOptions, Source } from "./guard";
export { rateLimitHeaders } from "./ratelimit";
export type { About, Asked, Attributes, Capability, Opening, Request, Usage } from "./request";
export type * from "./results";
export type { Edit, Lease, Look, Reviews, Sentence, Wait, Wanted } from "./reviews";
