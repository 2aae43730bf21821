/** The messages of engine.proto, built once from its text: objects in, bytes out, and back. */

import * as protobuf from "protobufjs";

import { PROTO } from "./proto";
import type { Violation } from "./results";

/** A message as protobufjs has it: absent fields read as their defaults through the prototype. */
// eslint-disable-next-line @typescript-eslint/no-explicit-any
export type Wire = any;

/** One message type: how it is written and read. */
export interface Codec {
  encode(message: Wire): Buffer;
  decode(bytes: Uint8Array): Wire;
}

const DETAILS = `
syntax = "proto3";
package google.rpc;
message Any { string type_url = 1; bytes value = 2; }
message Status { int32 code = 1; string message = 2; repeated Any details = 3; }
message FieldViolation { string field = 1; string description = 2; }
message BadRequest { repeated FieldViolation field_violations = 1; }
`;

const root = makeRoot();
const STATUS = codec("google.rpc.Status");
const BAD_REQUEST = codec("google.rpc.BadRequest");

export const DecideRequest = codec("engine.v1.DecideRequest");
export const Decision = codec("engine.v1.Decision");
export const DecideBatchRequest = codec("engine.v1.DecideBatchRequest");
export const DecideBatchResponse = codec("engine.v1.DecideBatchResponse");
export const Chunk = codec("engine.v1.Chunk");
export const GuardedChunk = codec("engine.v1.GuardedChunk");
export const SettleRequest = codec("engine.v1.SettleRequest");
export const SettleResponse = codec("engine.v1.SettleResponse");
export const Explanation = codec("engine.v1.Explanation");
export const Review = codec("engine.v1.Review");
export const ReviewHistory = codec("engine.v1.ReviewHistory");
export const GetReviewRequest = codec("engine.v1.GetReviewRequest");
export const GetReviewHistoryRequest = codec("engine.v1.GetReviewHistoryRequest");
export const ClaimReviewRequest = codec("engine.v1.ClaimReviewRequest");
export const ReleaseReviewRequest = codec("engine.v1.ReleaseReviewRequest");
export const HandOverReviewRequest = codec("engine.v1.HandOverReviewRequest");
export const CommentReviewRequest = codec("engine.v1.CommentReviewRequest");
export const WaitReviewRequest = codec("engine.v1.WaitReviewRequest");
export const ResolveReviewRequest = codec("engine.v1.ResolveReviewRequest");
export const ListReviewsRequest = codec("engine.v1.ListReviewsRequest");
export const ListReviewsResponse = codec("engine.v1.ListReviewsResponse");
export const GetStatusRequest = codec("engine.v1.GetStatusRequest");
export const Status = codec("engine.v1.Status");

/** Return the numbers of an enumeration by name, without the prefix and in lower case; 0 is left out. */
export function names(enumeration: string, prefix: string): Map<string, number> {
  const { values } = root.lookupEnum(`engine.v1.${enumeration}`);
  const found = Object.entries(values).filter(([, number]) => number !== 0);
  return new Map(found.map(([name, number]) => [name.slice(prefix.length).toLowerCase(), number]));
}

/** Return whether a field is present, where its absence means something. */
export function has(message: Wire, field: string): boolean {
  return Object.prototype.hasOwnProperty.call(message, field) && message[field] !== null;
}

/** Return a 64-bit integer as a number. */
export function toNumber(value: number | { toNumber(): number }): number {
  return typeof value === "number" ? value : value.toNumber();
}

/** Return the wrong paths that the details of a gRPC status list; what cannot be read lists none. */
export function readDetails(bytes: Uint8Array): Violation[] {
  const found: Violation[] = [];
  try {
    for (const detail of STATUS.decode(bytes).details) {
      if (detail.typeUrl.endsWith("/google.rpc.BadRequest")) {
        for (const each of BAD_REQUEST.decode(detail.value).fieldViolations) {
          found.push({ path: each.field, description: each.description });
        }
      }
    }
  } catch {
    // The status itself still says that the request is wrong.
  }
  return found;
}

function makeRoot(): protobuf.Root {
  const made = new protobuf.Root();
  for (const name of ["duration", "struct", "timestamp"]) {
    const known = protobuf.common.get(`google/protobuf/${name}.proto`);
    made.addJSON(known?.nested ?? {});
  }
  protobuf.parse(DETAILS, made);
  protobuf.parse(PROTO, made);
  made.resolveAll();
  return made;
}

function codec(name: string): Codec {
  const type = root.lookupType(name);
  return {
    encode: (message) => type.encode(message).finish() as Buffer,
    decode: (bytes) => type.decode(bytes),
  };
}
