/** An address -> calls of the daemon: credentials, deadlines, aborting, and what may be repeated. */

import * as grpc from "@grpc/grpc-js";

import { Aborted, DeadlineExceeded, fromRpc, NoDecision, NotPermitted, Unavailable } from "./errors";
import * as wire from "./wire";
import type { Codec, Wire } from "./wire";

/** How to speak TLS: PEM; without `roots` the system's certificates are trusted. */
export interface Tls {
  readonly roots?: Buffer | undefined;
  /** The client's own chain, where the daemon asks for one (mutual TLS). */
  readonly certificate?: Buffer | undefined;
  readonly key?: Buffer | undefined;
  /** The name in the daemon's certificate, where it is not the host's. */
  readonly serverName?: string | undefined;
}

export interface ClientOptions {
  /** Milliseconds for each call, where the call does not say otherwise; 1000 by default. */
  readonly timeoutMs?: number | undefined;
  readonly tls?: Tls | undefined;
  /** Sent as `authorization: Bearer …`; a function is asked before each call. */
  readonly token?: string | (() => string | Promise<string>) | undefined;
  /** Sent with every call. */
  readonly metadata?: Readonly<Record<string, string>> | undefined;
  /** Wait (within the deadline) for a daemon that is not there yet, instead of failing at once; true by default. */
  readonly waitForReady?: boolean | undefined;
  /** Let concurrent `decide` calls share one stream; true by default. */
  readonly coalesce?: boolean | undefined;
  /** Most decisions in flight on that stream; what comes on top waits in this process. 1024 by default. */
  readonly inFlight?: number | undefined;
  /** Most decisions that wait for that; one more fails with RESOURCE_EXHAUSTED. 65536 by default. */
  readonly waiting?: number | undefined;
  /** More channel options of grpc-js. */
  readonly channelOptions?: grpc.ChannelOptions | undefined;
}

/** How long one call may take, and how it is given up. */
export interface CallOptions {
  /** Milliseconds. */
  readonly timeoutMs?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** One unary method. */
export interface Method {
  readonly path: string;
  readonly request: Codec;
  readonly answer: Codec;
  /** Whether asking twice is the same as asking once. */
  readonly repeatable: boolean;
}

const ENGINE = "/engine.v1.PolicyEngine/";

export const DECIDE = method("Decide", wire.DecideRequest, wire.Decision, false);
export const DECIDE_BATCH = method("DecideBatch", wire.DecideBatchRequest, wire.DecideBatchResponse, false);
export const EXPLAIN = method("Explain", wire.DecideRequest, wire.Explanation, true);
export const SETTLE = method("Settle", wire.SettleRequest, wire.SettleResponse, true);
export const GET_REVIEW = method("GetReview", wire.GetReviewRequest, wire.Review, true);
export const LIST_REVIEWS = method("ListReviews", wire.ListReviewsRequest, wire.ListReviewsResponse, true);
export const REVIEW_HISTORY = method("GetReviewHistory", wire.GetReviewHistoryRequest, wire.ReviewHistory, true);
export const CLAIM_REVIEW = method("ClaimReview", wire.ClaimReviewRequest, wire.Review, false);
export const RELEASE_REVIEW = method("ReleaseReview", wire.ReleaseReviewRequest, wire.Review, false);
export const HAND_OVER_REVIEW = method("HandOverReview", wire.HandOverReviewRequest, wire.Review, false);
export const COMMENT_REVIEW = method("CommentReview", wire.CommentReviewRequest, wire.Review, false);
export const RESOLVE_REVIEW = method("ResolveReview", wire.ResolveReviewRequest, wire.Review, false);
export const GET_STATUS: Method = {
  path: "/engine.v1.Admin/GetStatus",
  request: wire.GetStatusRequest,
  answer: wire.Status,
  repeatable: true,
};
export const DECIDE_STREAM = `${ENGINE}DecideStream`;
export const WAIT_REVIEW = `${ENGINE}WaitReview`;
export const GUARD = `${ENGINE}Guard`;

/** What a daemon says that has started and has no policies: it is there, and its answer stands. */
const NOT_READY = "no policies are loaded yet";
const PAUSE_MS = 50;
/** What is asked to learn why there is no connection: whatever the answer, there is one then. */
const PROBE = "/grpc.health.v1.Health/Check";
/** How grpc-js tells why it could not connect. */
const UNCONNECTED = /^No connection established\. Last error: (.*)\. Resolution note/is;
/** What it tells of a certificate that is not accepted: the client's, in an alert of the daemon, or the daemon's, or a name in it. */
const ALERT = /alert (access denied|(?:bad |unsupported )?certificate(?: \w+)?|unknown ca)\b/i;
const CERTIFICATE = /certificate/i;
const LONGEST_MS = 2 ** 31 - 1;
const VISIBLE = /^[ -~]*$/;
const NEVER = new AbortController().signal;

const OPTIONS: grpc.ChannelOptions = {
  // A daemon restarts in well under a second: look again soon, and never back off for minutes.
  "grpc.initial_reconnect_backoff_ms": 50,
  "grpc.max_reconnect_backoff_ms": 1000,
  "grpc.max_receive_message_length": 64 << 20,
  "grpc.max_send_message_length": 64 << 20,
  // While a call is under way: a daemon that vanishes without a word would else be waited for until TCP gives up.
  "grpc.keepalive_time_ms": 10_000,
  "grpc.keepalive_timeout_ms": 5_000,
};

/** A connection to one daemon; made at the first call, and again whenever it is lost. */
export class Connection {
  readonly client: grpc.Client;
  readonly waitForReady: boolean;
  closed = false;
  private readonly timeoutMs: number;

  constructor(
    address: string,
    private readonly options: ClientOptions,
  ) {
    this.timeoutMs = limit(options.timeoutMs ?? 1000);
    this.waitForReady = options.waitForReady ?? true;
    for (const [name, value] of Object.entries(options.metadata ?? {})) {
      headerOf(name, value);
    }
    this.client = new grpc.Client(address, credentials(options.tls), channelOptions(options));
  }

  /** Return the milliseconds that a call may take. */
  time(options: CallOptions): number {
    return limit(options.timeoutMs ?? this.timeoutMs);
  }

  /**
   * Return the bearer token of a call, at once where it is not made by a function that takes its time. Throws NotPermitted for
   * one that no header can carry, before anything waits for the stream that it would open.
   */
  token(): string | undefined | Promise<string> {
    const { token } = this.options;
    const made = typeof token === "function" ? token() : token;
    return typeof made === "object" && made !== null ? Promise.resolve(made).then(sendable) : sendable(made);
  }

  /** Return the bearer token of a call. Throws DeadlineExceeded and Aborted where it is not there in time. */
  async bearer(deadline: number, signal: AbortSignal | undefined): Promise<string | undefined> {
    const made = this.token();
    return typeof made === "object" ? this.inTime(made, deadline, signal) : made;
  }

  /** Return the token that is being made. A call whose token never comes has a deadline all the same, and can be given up. */
  async inTime(made: Promise<string>, deadline: number, signal: AbortSignal | undefined): Promise<string> {
    let timer: NodeJS.Timeout | undefined;
    let giveUp = (): void => undefined;
    const over = new Promise<never>((_, reject) => {
      this.check(signal);
      const late = new DeadlineExceeded("DEADLINE_EXCEEDED", "no token in time: it was never sent");
      timer = setTimeout(() => reject(late), Math.max(deadline - Date.now(), 0));
      giveUp = () => reject(new Aborted(signal?.reason));
      signal?.addEventListener("abort", giveUp, { once: true });
    });
    try {
      return await Promise.race([over, made]);
    } finally {
      // Also where the token never comes: a timer left behind would keep the process alive until the deadline.
      clearTimeout(timer);
      signal?.removeEventListener("abort", giveUp);
    }
  }

  /** Return the metadata of a call. */
  metadata(token: string | undefined): grpc.Metadata {
    const made = new grpc.Metadata({ waitForReady: this.waitForReady });
    for (const [name, value] of Object.entries(this.options.metadata ?? {})) {
      made.set(name, value);
    }
    if (token !== undefined) {
      made.set("authorization", `Bearer ${token}`);
    }
    return made;
  }

  /** Return the answer of a unary method; throws NoDecision. Repeats only where twice is the same as once. */
  async call(to: Method, message: Wire, options: CallOptions): Promise<Wire> {
    const deadline = Date.now() + this.time(options);
    for (;;) {
      const token = await this.bearer(deadline, options.signal);
      await this.reach(deadline, options.signal);
      try {
        return await this.once(to, message, token, deadline, options.signal);
      } catch (error) {
        const again =
          to.repeatable &&
          error instanceof Unavailable &&
          error.details !== NOT_READY &&
          !this.closed &&
          deadline - Date.now() > PAUSE_MS;
        if (!again) {
          throw error;
        }
      }
      await pause(PAUSE_MS);
    }
  }

  /**
   * Wait for a connection with TLS, within the deadline. Throws Unavailable where the daemon's certificate is not accepted,
   * or the client's: grpc-js would wait for another one until the deadline, and not say so.
   */
  async reach(deadline: number, signal: AbortSignal | undefined): Promise<void> {
    this.check(signal);
    while (this.waitsForTls && !this.closed && !signal?.aborted && deadline - Date.now() > PAUSE_MS) {
      if (this.client.getChannel().getConnectivityState(true) === grpc.connectivityState.READY) {
        return;
      }
      const refused = await this.refused(deadline, signal);
      if (refused !== null) {
        throw refused;
      }
      await pause(PAUSE_MS);
    }
  }

  /** Whether a daemon is waited for that speaks TLS. */
  get waitsForTls(): boolean {
    return this.waitForReady && this.options.tls !== undefined;
  }

  /** Return what becomes of calls where a certificate is not accepted; null where it is, or nobody knows yet. */
  refused(deadline: number, signal?: AbortSignal): Promise<Unavailable | null> {
    const kept = (bytes: Buffer): Buffer => bytes;
    return new Promise((resolve) => {
      const options: grpc.CallOptions = { deadline };
      const call = this.client.makeUnaryRequest(PROBE, kept, kept, Buffer.alloc(0), options, (error) => {
        signal?.removeEventListener("abort", giveUp);
        resolve(hopeless(UNCONNECTED.exec(error?.details ?? "")?.[1] ?? ""));
      });
      const giveUp = (): void => call.cancel();
      signal?.addEventListener("abort", giveUp, { once: true });
    });
  }

  close(): void {
    this.closed = true;
    this.client.close();
  }

  /** Throw what a call comes to that cannot begin; TypeError for a signal that is none, which would fail where nobody hears it. */
  check(signal: AbortSignal | undefined): void {
    if (typeof (signal ?? NEVER).addEventListener !== "function") {
      throw new TypeError("signal must be an AbortSignal");
    }
    if (this.closed) {
      throw new Unavailable("UNAVAILABLE", "the client was closed");
    }
    if (signal?.aborted) {
      throw new Aborted(signal.reason);
    }
  }

  private once(
    to: Method,
    message: Wire,
    token: string | undefined,
    deadline: number,
    signal: AbortSignal | undefined,
  ): Promise<Wire> {
    return new Promise((resolve, reject) => {
      this.check(signal);
      const call = this.client.makeUnaryRequest(
        to.path,
        to.request.encode,
        to.answer.decode,
        message,
        this.metadata(token),
        { deadline },
        (error, answer) => {
          signal?.removeEventListener("abort", giveUp);
          if (error) {
            reject(signal?.aborted ? new Aborted(signal.reason) : fromRpc(error));
          } else {
            resolve(answer);
          }
        },
      );
      const giveUp = (): void => call.cancel();
      signal?.addEventListener("abort", giveUp, { once: true });
    });
  }
}

/** Return whether to begin a wait anew that was broken off; null when its time is over. */
export function goOnWaiting(error: NoDecision, left: number): boolean | null {
  if (error.code === "UNAVAILABLE" && left > 0) {
    return true;
  }
  return error.code === "UNAVAILABLE" || error.code === "DEADLINE_EXCEEDED" ? null : false;
}

/** Return what becomes of calls where *why* there is no connection is that a certificate is not accepted; else null. */
function hopeless(why: string): Unavailable | null {
  const alert = ALERT.exec(why)?.[1];
  if (alert === undefined && !CERTIFICATE.test(why)) {
    return null;
  }
  const told =
    alert === undefined
      ? `the daemon's certificate is not accepted (${why}); see \`tls.roots\` and \`tls.serverName\`, or have the daemon show another`
      : `the daemon does not accept this client (${alert}); see \`tls.certificate\` and \`tls.key\`, or have the daemon trust who issued it`;
  return new Unavailable("UNAVAILABLE", `TLS: ${told}: it was never sent`);
}

/** Resolve after so many milliseconds. */
export function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, milliseconds);
  });
}

/** Return a token that a header can carry, without the blanks around it. Its text is in no error: it would be in logs. */
function sendable<Token extends string | undefined>(token: Token): Token {
  if (token === undefined) {
    return token;
  }
  if (typeof token !== "string" || !VISIBLE.test(token)) {
    throw new NotPermitted("UNAUTHENTICATED", "the token is no text of ASCII without line breaks: it was never sent");
  }
  const sent = token.trim();
  if (sent === "") {
    throw new NotPermitted("UNAUTHENTICATED", "the token is empty: it was never sent");
  }
  return sent as Token;
}

/** Throw TypeError for what grpc-js would refuse at each call. */
function headerOf(name: string, value: unknown): void {
  try {
    new grpc.Metadata().set(name, value as string);
  } catch {
    throw new TypeError(`the metadata \`${name}\` cannot be sent: lower-case names, text of ASCII without line breaks`);
  }
}

/** Return the options of a channel. Throws TypeError for a bigint, over which grpc-js would end the process when it connects. */
function channelOptions(options: ClientOptions): grpc.ChannelOptions {
  const made: grpc.ChannelOptions = {
    ...OPTIONS,
    // A client of its own connection: another one's options or failures are not shared.
    "grpc.use_local_subchannel_pool": 1,
    ...(options.tls?.serverName === undefined ? {} : {
      "grpc.ssl_target_name_override": options.tls.serverName,
      "grpc.default_authority": options.tls.serverName,
    }),
    ...options.channelOptions,
  };
  for (const [name, value] of Object.entries(made)) {
    if (typeof value === "bigint") {
      throw new TypeError(`the channel option \`${name}\` must be no bigint`);
    }
  }
  return made;
}

function limit(milliseconds: number): number {
  if (typeof milliseconds !== "number" || !(milliseconds >= 0)) {
    throw new RangeError("timeoutMs must be a number of milliseconds, not below 0");
  }
  return Math.min(milliseconds, LONGEST_MS);
}

function credentials(tls: Tls | undefined): grpc.ChannelCredentials {
  return tls === undefined
    ? grpc.credentials.createInsecure()
    : grpc.credentials.createSsl(tls.roots ?? null, tls.key ?? null, tls.certificate ?? null);
}

function method(name: string, request: Codec, answer: Codec, repeatable: boolean): Method {
  return { path: ENGINE + name, request, answer, repeatable };
}
