/**
 * A decision goes in; HTTP header fields that tell a client its limit come out, as
 * draft-ietf-httpapi-ratelimit-headers-10 has them, in structured fields (RFC 9651):
 *
 *     RateLimit-Policy: "desk.guard.pace";q=60;w=60;pk=:3q2+7wEjRWeJq83vASNFZw==:
 *     RateLimit: "desk.guard.pace";r=0;t=12;pk=:3q2+7wEjRWeJq83vASNFZw==:
 *     Retry-After: 12
 *
 * They hold whole numbers of at most 15 digits and whole seconds: what is left is rounded down, times are rounded up.
 * Dollars, and limits that are no whole number, are counted in millionths. `pk` tells the buckets of a limit apart: a keyed
 * hash, since without a secret a tenant could be guessed.
 */

import { createHmac } from "node:crypto";

import type { Decision, Throttle } from "./results";

const LARGEST = 10n ** 15n - 1n;
const UNITS: Readonly<Record<string, string>> = { concurrent: "concurrent-requests" };

/** Return the fields for the tightest limit of `decision`; none where no limit was met. */
export function rateLimitHeaders(
  decision: Decision,
  options: { readonly secret?: string | Uint8Array } = {},
): Record<string, string> {
  const met = decision.throttle;
  if (met === null) {
    return {};
  }
  const throttled = decision.effectiveAction === "throttle";
  const name = quoted(met.rule);
  const key = partition(met.key, options.secret);
  const [digits, unit] = unitOf(met);
  const window = met.windowMs === null ? "" : `;w=${Math.max(1, seconds(met.windowMs))}`;
  const wait = throttled ? Math.max(1000, met.retryAfterMs) : met.resetMs;
  const made: Record<string, string> = {
    "RateLimit-Policy": `${name};q=${whole(met.limit, digits)}${unit}${window}${key}`,
    RateLimit: `${name};r=${whole(met.remaining, digits)}${wait === null ? "" : `;t=${seconds(wait)}`}${key}`,
  };
  if (throttled && wait !== null) {
    made["Retry-After"] = String(seconds(wait));
  }
  return made;
}

/** Return to how many digits behind the point the limit's unit is counted, and the parameter for it. */
function unitOf(met: Throttle): [number, string] {
  const name = UNITS[met.unit] ?? met.unit;
  if (met.unit === "usd" || decimal(met.limit, 30) % 10n ** 30n !== 0n) {
    return [6, `;qu=${quoted(`${name}-millionths`)}`];
  }
  return [0, name === "requests" ? "" : `;qu=${quoted(name)}`];
}

/** Return a decimal such as "-0.0125" or "1E+3", times ten to the power of `digits`, rounded down. */
function decimal(value: string, digits: number): bigint {
  const [, sign, units = "", fraction = "", exponent = "0"] =
    /^([+-]?)(\d*)\.?(\d*)(?:[eE]([+-]?\d+))?$/.exec(value) ?? ["", "", "0"];
  const shift = digits - fraction.length + Number(exponent);
  const all = BigInt(`${units}${fraction}` || "0");
  const scaled = shift >= 0 ? all * 10n ** BigInt(shift) : all / 10n ** BigInt(-shift);
  return sign === "-" ? -scaled : scaled;
}

/** Return a decimal as an integer of a structured field: rounded down, and cut at both ends. */
function whole(value: string, digits: number): bigint {
  const found = decimal(value, digits);
  return found < 0n ? 0n : found > LARGEST ? LARGEST : found;
}

function seconds(milliseconds: number): number {
  return Math.max(0, Math.ceil(milliseconds / 1000));
}

function partition(key: string, secret: string | Uint8Array | undefined): string {
  if (secret === undefined || secret.length === 0) {
    return "";
  }
  const digest = createHmac("sha256", secret).update("rate limit\0").update(key).digest();
  return `;pk=:${digest.subarray(0, 16).toString("base64")}:`;
}

/** Return a string of a structured field: ASCII, other characters in percent form. */
function quoted(value: string): string {
  const plain = value.replace(/[^ -~]|%/gu, (one) =>
    [...Buffer.from(one)].map((byte) => `%${byte.toString(16).toUpperCase().padStart(2, "0")}`).join(""),
  );
  return `"${plain.replace(/\\/g, "\\\\").replace(/"/g, '\\"')}"`;
}
