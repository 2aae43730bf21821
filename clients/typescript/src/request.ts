/** A request as its caller writes it -> the message. The keys are those of the policy language. */

import { refused } from "./errors";
import type { Message, Stage } from "./results";
import { names, type Wire } from "./wire";

/** What you can carry out at a stage. */
export type Capability = "mask" | "mask_stream" | "wait" | "route";

/** What the policies' schema declares beyond the standard attributes. */
export interface Attributes {
  readonly [name: string]: unknown;
}

/** What a model call costs: an estimate when deciding, the real figures when settling. */
export interface Usage {
  readonly inputTokens?: number | bigint | undefined;
  readonly outputTokens?: number | bigint | undefined;
  /** A decimal: as a string it is exact. */
  readonly costUsd?: string | number | undefined;
}

/** Who asks, and what is known about it: what stays the same during an exchange. A string is an id (or name) alone. */
export interface About {
  readonly tenant: string | ({ readonly id: string } & Attributes);
  readonly user: string | ({ readonly id: string; readonly roles?: readonly string[] } & Attributes);
  readonly model?: string | ({ readonly name?: string; readonly provider?: string; readonly version?: string } & Attributes) | undefined;
  readonly session?: string | { readonly id?: string; readonly labels?: readonly string[]; readonly turn?: number } | undefined;
  /** The caller's address. */
  readonly source?: string | { readonly ip?: string } | undefined;
  /** What the policies' schema declares; decimals and times as strings. */
  readonly context?: Attributes | undefined;
  /** What you can carry out at this stage; left out: everything. */
  readonly capabilities?: readonly Capability[] | undefined;
}

/** What stands at this point of the conversation. */
export interface Asked {
  readonly content?: string | undefined;
  /** Instead of `content`: each scanned on its own. */
  readonly messages?: readonly Message[] | undefined;
  /** Required at the tool stages. */
  readonly tool?: string | ({ readonly name: string; readonly server?: string; readonly args?: unknown } & Attributes) | undefined;
  readonly usage?: Usage | undefined;
  /** `Review.approvalToken`, to be presented once. */
  readonly approval?: string | undefined;
  readonly requestId?: string | undefined;
}

/** Everything that can be asked. */
export interface Request extends About, Asked {
  readonly stage: Stage;
}

/** What is known about a streamed response before its text. */
export interface Opening extends About {
  /** "response", unless it is something else that streams. */
  readonly stage?: Stage | undefined;
  readonly tool?: Asked["tool"];
  readonly usage?: Usage | undefined;
  readonly requestId?: string | undefined;
}

type Group = Record<string, unknown>;
type Fill = (message: Wire, value: unknown) => Group | void;

export const STAGES = names("Stage", "STAGE_");
const LONE = /\p{Surrogate}/u;
const SMALLEST = -(2n ** 63n);
const LARGEST = 2n ** 63n - 1n;

/** Return the message for `asked`; throws InvalidRequest for what cannot be put on the wire. */
export function buildRequest(asked: object): Wire {
  const message: Wire = {};
  let attributes: Group | undefined;
  for (const [name, value] of Object.entries(group(asked, "", "request"))) {
    const fill = Object.hasOwn(FILL, name) ? FILL[name] : undefined;
    if (fill === undefined) {
      throw refused(name, "no such part of a request");
    }
    const extra = fill(message, value);
    if (extra !== undefined && Object.keys(extra).length > 0) {
      attributes = { ...attributes, [name]: extra };
    }
  }
  if (attributes !== undefined) {
    message.attributesJson = toJson(attributes, "");
  }
  return message;
}

/** Return the message for the figures that are known; throws InvalidRequest for what is none. */
export function buildUsage(usage: unknown): Wire {
  const message: Wire = {};
  for (const [name, value] of Object.entries(group(usage, "", "usage"))) {
    if (name === "inputTokens" || name === "outputTokens") {
      message[name] = whole(value, `usage.${name}`);
    } else if (name === "costUsd") {
      if (typeof value !== "string" && !Number.isFinite(value)) {
        throw refused("usage.costUsd", "expected a decimal");
      }
      message.costUsd = text(String(value), "usage.costUsd");
    } else {
      throw refused(`usage.${name}`, "no such figure");
    }
  }
  return message;
}

/** Return `value`, which stands at `path`, as JSON; throws InvalidRequest naming what of it has no JSON form. */
export function toJson(value: unknown, path: string): Buffer {
  let made: string | undefined;
  try {
    made = JSON.stringify(value, jsonable);
  } catch (error) {
    throw refused(whereOdd(value, path), `has no JSON form (${error instanceof Error ? error.message : "unknown"})`);
  }
  if (made === undefined) {
    throw refused(path, "has no JSON form");
  }
  return Buffer.from(made);
}

/** Return the path of what in `value` has no JSON form. */
function whereOdd(value: unknown, path: string): string {
  const paths = new Map<unknown, string>();
  let last = path;
  try {
    JSON.stringify(value, function (this: unknown, key, inner) {
      const above = paths.get(this);
      if (above !== undefined) {
        last = Array.isArray(this) ? `${above}[${key}]` : above === "" ? key : `${above}.${key}`;
      }
      const made = jsonable.call(this, key, inner);
      paths.set(made, last);
      return made;
    });
  } catch {
    // Where it ends is what was asked for.
  }
  return last;
}

/** Return a string that has a form in UTF-8; throws InvalidRequest for what is none. */
export function text(value: unknown, path: string): string {
  if (typeof value !== "string") {
    throw refused(path, "expected a string");
  }
  if (LONE.test(value)) {
    throw refused(path, "has half of a surrogate pair");
  }
  return value;
}

/** Return messages as the wire has them. One that says something elsewhere than in `text` is refused: nobody would look at it. */
export function messagesOf(value: unknown, path: string): Wire[] {
  return list(value, path).map((each, at) => {
    const place = `${path}[${at}]`;
    const { role, text: said, ...others } = group(each, "text", place);
    nothingElse(others, place);
    if (typeof each === "object" && !("text" in (each as Group))) {
      throw refused(`${place}.text`, "required");
    }
    return { role: text(role ?? "", `${place}.role`), text: text(said ?? "", `${place}.text`) };
  });
}

/** JSON.stringify's replacer: what JSON does not know, in the form in which the daemon reads it. */
function jsonable(this: unknown, key: string, value: unknown): unknown {
  const given = (this as Group)[key];
  // As numbers no detector would read them. A Buffer has become an object here.
  if (ArrayBuffer.isView(given) || given instanceof ArrayBuffer) {
    throw new TypeError("bytes, which are no text");
  }
  if (typeof value === "number" && !Number.isFinite(value)) {
    throw new TypeError("a number that is not finite");
  }
  if (typeof value === "bigint") {
    if (!Number.isSafeInteger(Number(value))) {
      throw new TypeError("a whole number beyond 2^53: send it as a string");
    }
    return Number(value);
  }
  // A Date has become null here when it is none.
  if (value === null && given instanceof Date) {
    throw new TypeError("an invalid date");
  }
  if (typeof value === "function" || typeof value === "symbol") {
    throw new TypeError(`a ${typeof value}`);
  }
  if (value instanceof Set) {
    return [...value].sort();
  }
  if (value instanceof Map) {
    const made = Object.fromEntries(value);
    if (Object.keys(made).length < value.size || [...value.keys()].some((one) => typeof one === "object")) {
      throw new TypeError("a map whose keys are no names, or the same one twice");
    }
    return made;
  }
  if (opaque(value)) {
    throw new TypeError("an object of which JSON shows nothing, such as a promise that nobody waited for");
  }
  return value;
}

/** Return whether JSON makes `{}` of what is more than that: promises, errors, iterators, instances with private fields. */
function opaque(value: unknown): boolean {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    return false;
  }
  if (value instanceof Error || typeof (value as { then?: unknown }).then === "function") {
    return true;
  }
  // A plain object has no prototype, or one that has none: so it is in every realm.
  const kind: unknown = Object.getPrototypeOf(value);
  const plain = kind === null || Object.getPrototypeOf(kind) === null;
  return !plain && Object.keys(value).length === 0 && typeof value.valueOf() === "object";
}

function whole(value: unknown, path: string): Wire {
  if (typeof value === "number" && Number.isSafeInteger(value)) {
    return value;
  }
  if (typeof value === "bigint" && value >= SMALLEST && value <= LARGEST) {
    return { low: Number(BigInt.asIntN(32, value)), high: Number(BigInt.asIntN(32, value >> 32n)), unsigned: false };
  }
  throw refused(path, "expected a whole number of 64 bits (beyond 2^53 a bigint)");
}

/** Return a count that a field of 32 bits holds; throws InvalidRequest for what is none. */
export function count(value: unknown, path: string): number {
  if (typeof value !== "number" || !Number.isInteger(value) || Math.abs(value) >= 2 ** 31) {
    throw refused(path, "expected a whole number");
  }
  return value;
}

function list(value: unknown, path: string): unknown[] {
  if (typeof value !== "object" || value === null || !(Symbol.iterator in value)) {
    throw refused(path, "expected a list");
  }
  return [...(value as Iterable<unknown>)];
}

function texts(value: unknown, path: string): string[] {
  return list(value, path).map((each, at) => text(each, `${path}[${at}]`));
}

/** Return a copy of a group without what is absent; `lead` names what a bare string stands for. */
function group(value: unknown, lead: string, path: string): Group {
  if (typeof value === "string" && lead !== "") {
    return { [lead]: value };
  }
  // Of a map, a set or a promise its entries would be sent: none.
  if (typeof value !== "object" || value === null || Symbol.iterator in value || opaque(value)) {
    throw refused(path, lead === "" ? "expected an object" : "expected a string or an object");
  }
  return Object.fromEntries(Object.entries(value).filter(([, inner]) => inner !== undefined && inner !== null));
}

/** Take `name` out of a group as a string; undefined when it is absent. */
function takeText(parts: Group, name: string, path: string): string | undefined {
  const value = parts[name];
  delete parts[name];
  return value === undefined ? undefined : text(value, `${path}.${name}`);
}

/** Copy the strings `wanted` of a group into a message; return the rest of the group. */
function split(into: Wire, value: unknown, path: string, lead: string, wanted: readonly string[]): Group {
  const parts = group(value, lead, path);
  for (const name of wanted) {
    const found = takeText(parts, name, path);
    if (found !== undefined) {
      into[name] = found;
    }
  }
  return parts;
}

/** Refuse what a group has that nobody would read. */
function nothingElse(parts: Group, path: string): void {
  for (const name of Object.keys(parts)) {
    throw refused(`${path}.${name}`, "no such attribute");
  }
}

const FILL: Record<string, Fill> = {
  tenant(message, value) {
    const parts = group(value, "id", "tenant");
    message.tenantId = takeText(parts, "id", "tenant") ?? "";
    return parts;
  },
  user(message, value) {
    const parts = group(value, "id", "user");
    message.userId = takeText(parts, "id", "user") ?? "";
    if (parts.roles !== undefined) {
      message.userRoles = texts(parts.roles, "user.roles");
      delete parts.roles;
    }
    return parts;
  },
  stage(message, value) {
    const number = STAGES.get(value as string);
    if (number === undefined) {
      throw refused("stage", `must be one of ${[...STAGES.keys()].join(", ")}`);
    }
    message.stage = number;
  },
  content(message, value) {
    message.content = text(value, "content");
  },
  messages(message, value) {
    message.messages = messagesOf(value, "messages");
  },
  context(message, value) {
    message.contextJson = toJson(value, "context");
  },
  model(message, value) {
    message.model = {};
    return split(message.model, value, "model", "name", ["name", "provider", "version"]);
  },
  tool(message, value) {
    message.tool = {};
    const parts = split(message.tool, value, "tool", "name", ["name", "server"]);
    if (parts.args !== undefined) {
      message.tool.argsJson = toJson(parts.args, "tool.args");
      delete parts.args;
    }
    return parts;
  },
  session(message, value) {
    message.session = {};
    const parts = split(message.session, value, "session", "id", ["id"]);
    if (parts.labels !== undefined) {
      message.session.labels = texts(parts.labels, "session.labels");
    }
    if (parts.turn !== undefined) {
      message.session.turn = whole(parts.turn, "session.turn");
    }
    delete parts.labels;
    delete parts.turn;
    nothingElse(parts, "session");
  },
  source(message, value) {
    const parts = group(value, "ip", "source");
    message.sourceIp = takeText(parts, "ip", "source") ?? "";
    nothingElse(parts, "source");
  },
  usage(message, value) {
    message.usage = buildUsage(value);
  },
  capabilities(message, value) {
    message.capabilities = {};
    for (const name of texts(value, "capabilities")) {
      const field = Object.hasOwn(CAPABILITIES, name) ? CAPABILITIES[name] : undefined;
      if (field === undefined) {
        throw refused("capabilities", `must be some of ${Object.keys(CAPABILITIES).join(", ")}`);
      }
      message.capabilities[field] = true;
    }
  },
  approval(message, value) {
    message.approval = text(value, "approval");
  },
  requestId(message, value) {
    message.requestId = text(value, "requestId");
  },
};

const CAPABILITIES: Record<string, string> = { mask: "mask", mask_stream: "maskStream", wait: "wait", route: "route" };
