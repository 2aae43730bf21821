import assert from "node:assert/strict";
import { it } from "node:test";

import { rateLimitHeaders } from "../index.mjs";

const THROTTLE = { rule: "desk.guard.pace", unit: "requests", limit: "60", remaining: "0.9", retryAfterMs: 0, key: "north", resetMs: 11_001, windowMs: 60_000 };

it("a limit that was met is told in header fields", () => {
  assert.deepEqual(rateLimitHeaders({ effectiveAction: "allow", throttle: null }), {});
  assert.deepEqual(rateLimitHeaders({ effectiveAction: "allow", throttle: THROTTLE }), {
    "RateLimit-Policy": '"desk.guard.pace";q=60;w=60',
    RateLimit: '"desk.guard.pace";r=0;t=12',
  });
});

it("a throttle says when to come again", () => {
  const fields = rateLimitHeaders({ effectiveAction: "throttle", throttle: { ...THROTTLE, retryAfterMs: 1 } });
  assert.equal(fields["Retry-After"], "1");
  assert.match(fields.RateLimit, /;t=1$/);
});

it("dollars and fractions come in millionths, and numbers are cut at both ends", () => {
  const usd = rateLimitHeaders({ effectiveAction: "allow", throttle: { ...THROTTLE, unit: "usd", limit: "2.5", remaining: "-1", windowMs: null } });
  assert.equal(usd["RateLimit-Policy"], '"desk.guard.pace";q=2500000;qu="usd-millionths"');
  assert.match(usd.RateLimit, /;r=0;/);
  const large = rateLimitHeaders({ effectiveAction: "allow", throttle: { ...THROTTLE, unit: "concurrent", limit: "1E+20" } });
  assert.match(large["RateLimit-Policy"], /;q=999999999999999;qu="concurrent-requests"/);
});

it("a secret tells buckets apart, and names are quoted", () => {
  const one = rateLimitHeaders({ effectiveAction: "allow", throttle: THROTTLE }, { secret: "s" });
  const two = rateLimitHeaders({ effectiveAction: "allow", throttle: { ...THROTTLE, key: "south" } }, { secret: "s" });
  assert.match(one.RateLimit, /;pk=:[A-Za-z0-9+/]{22}==:$/);
  assert.notEqual(one.RateLimit, two.RateLimit);
  const odd = rateLimitHeaders({ effectiveAction: "allow", throttle: { ...THROTTLE, rule: 'a"\\ü%' } });
  assert.match(odd.RateLimit, /^"a\\"\\\\%C3%BC%25"/);
});
