// The same code as for require(), under names that import can see: one set of classes, however it is loaded.
import engine from "./dist/index.js";

export const {
  Aborted,
  Client,
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
  rateLimitHeaders,
} = engine;
