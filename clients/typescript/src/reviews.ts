/** Reviews: listed, watched and answered. */

import * as connect from "./connection";
import type { CallOptions, Connection, Method } from "./connection";
import { readHistory, readReview, STATES } from "./decode";
import { Aborted, fromRpc, NoDecision, refused } from "./errors";
import { count, messagesOf, text, toJson } from "./request";
import type { Message, Review, ReviewDeed, ReviewPage, ReviewState } from "./results";
import { Review as ReviewCodec, WaitReviewRequest, type Wire } from "./wire";

/** What may be said with every act. */
export interface Sentence extends CallOptions {
  /** One sentence for the history. */
  readonly note?: string | undefined;
  /** Who acts, where the daemon knows no reviewers; else the token says so. */
  readonly reviewer?: string | undefined;
}

/** A sentence, and for how long others keep away; left out: 15 minutes. */
export interface Lease extends Sentence {
  readonly leaseMs?: number | undefined;
}

/** What is to be released instead of what was asked. */
export interface Edit extends Sentence {
  readonly content?: string | undefined;
  readonly messages?: readonly Message[] | undefined;
  readonly arguments?: unknown;
}

/** Which reviews; what is left out does not choose. */
export interface Wanted extends CallOptions {
  readonly queue?: string | undefined;
  readonly tenant?: string | undefined;
  readonly state?: ReviewState | undefined;
  /** At most so many, up to 1000; left out: a hundred. */
  readonly most?: number | undefined;
  /** `ReviewPage.after` of the page before. */
  readonly after?: string | undefined;
}

export interface Look extends CallOptions {
  /** With what came, before anything was redacted, which needs the right to it. */
  readonly full?: boolean | undefined;
  /** With what was decided in the conversation before. */
  readonly earlier?: boolean | undefined;
}

/** How long to wait. */
export interface Wait extends CallOptions {
  readonly timeoutMs: number;
}

const PAUSE_MS = 100;

/**
 * What `Client.reviews` is: one method an act. Each returns the review as it stands then. Throws NotPermitted for a token that
 * is no reviewer's or has not the right, Refused for what may not be done as the review stands, and NoDecision otherwise.
 */
export class Reviews {
  constructor(private readonly connection: Connection) {}

  /** Return a review as it stands. */
  async get(reviewId: string, options: Look = {}): Promise<Review> {
    const { full = false, earlier = false } = options;
    return this.act(connect.GET_REVIEW, { ...the(reviewId), full, earlier }, options);
  }

  /** Return reviews, the gravest first and then the oldest. */
  async list(wanted: Wanted = {}): Promise<ReviewPage> {
    const state = wanted.state === undefined ? 0 : STATES.get(wanted.state);
    if (state === undefined) {
      throw refused("state", `must be one of ${[...STATES.keys()].join(", ")}`);
    }
    const message = {
      queue: text(wanted.queue ?? "", "queue"),
      tenantId: text(wanted.tenant ?? "", "tenant"),
      state,
      pageSize: count(wanted.most ?? 0, "most"),
      pageToken: text(wanted.after ?? "", "after"),
    };
    const answer = await this.connection.call(connect.LIST_REVIEWS, message, wanted);
    return { reviews: answer.reviews.map(readReview), after: answer.nextPageToken };
  }

  /** Return what was done with a review, the oldest first. */
  async history(reviewId: string, options: CallOptions = {}): Promise<readonly ReviewDeed[]> {
    const found: ReviewDeed[] = [];
    let pageToken = "";
    do {
      const answer = await this.connection.call(connect.REVIEW_HISTORY, { ...the(reviewId), pageToken }, options);
      found.push(...readHistory(answer));
      pageToken = answer.nextPageToken;
    } while (pageToken !== "");
    return found;
  }

  /** Keep others away for a while. */
  async claim(reviewId: string, options: Lease = {}): Promise<Review> {
    return this.act(connect.CLAIM_REVIEW, { ...the(reviewId), ...said(options), ...lease(options) }, options);
  }

  /** Give a claim up. */
  async release(reviewId: string, options: Sentence = {}): Promise<Review> {
    return this.act(connect.RELEASE_REVIEW, { ...the(reviewId), ...said(options) }, options);
  }

  /** Give a claim to someone else. */
  async handOver(reviewId: string, to: string, options: Lease = {}): Promise<Review> {
    const message = { ...the(reviewId), to: text(to, "to"), ...said(options), ...lease(options) };
    return this.act(connect.HAND_OVER_REVIEW, message, options);
  }

  /** Write the `note` into the history. */
  async comment(reviewId: string, options: Sentence): Promise<Review> {
    return this.act(connect.COMMENT_REVIEW, { ...the(reviewId), ...said(options) }, options);
  }

  /** Let it pass when it is asked again. */
  async approve(reviewId: string, options: Sentence = {}): Promise<Review> {
    return this.resolve(reviewId, "approved", {}, options);
  }

  /** Deny it; the `note` is told to who asked. */
  async reject(reviewId: string, options: Sentence = {}): Promise<Review> {
    return this.resolve(reviewId, "rejected", {}, options);
  }

  /** Let something else pass in place of what was asked. */
  async edit(reviewId: string, options: Edit): Promise<Review> {
    const made: Wire = {};
    if (options.content !== undefined) {
      made.content = text(options.content, "content");
    }
    if (options.messages !== undefined) {
      made.messages = { messages: messagesOf(options.messages, "messages") };
    }
    if (options.arguments !== undefined) {
      made.argumentsJson = toJson(options.arguments, "arguments");
    }
    return this.resolve(reviewId, "edited", made, options);
  }

  /**
   * Give a review as it stands, and again as that changes, until it is answered or the time is nearly over. A daemon that
   * goes away meanwhile is waited for.
   */
  async *watch(reviewId: string, options: Wait): AsyncGenerator<Review, void, undefined> {
    const deadline = Date.now() + this.connection.time(options);
    const { signal } = options;
    const message = the(reviewId);
    let seen = "";
    for (;;) {
      const token = await this.connection.bearer(deadline, signal);
      await this.connection.reach(deadline, signal);
      const call = this.connection.client.makeServerStreamRequest(
        connect.WAIT_REVIEW,
        WaitReviewRequest.encode,
        ReviewCodec.decode,
        message,
        this.connection.metadata(token),
        { deadline },
      );
      const giveUp = (): void => call.cancel();
      signal?.addEventListener("abort", giveUp, { once: true });
      try {
        for await (const answer of call) {
          const found = readReview(answer);
          const now = JSON.stringify(found);
          if (now !== seen) {
            seen = now;
            yield found;
          }
        }
        return;
      } catch (problem) {
        if (signal?.aborted) {
          throw new Aborted(signal.reason);
        }
        const error = problem instanceof NoDecision ? problem : fromRpc(problem as never);
        const again = this.connection.closed ? false : connect.goOnWaiting(error, deadline - Date.now() - PAUSE_MS);
        if (again === null && seen !== "") {
          return;
        }
        if (!again) {
          throw error;
        }
      } finally {
        signal?.removeEventListener("abort", giveUp);
        // Also when whoever iterates has seen enough. What it still reports has nobody to hear it.
        call.on("error", () => undefined);
        call.cancel();
      }
      await connect.pause(PAUSE_MS);
    }
  }

  /** Return a review once it is answered, or as it stands when the time is nearly over. */
  async wait(reviewId: string, options: Wait): Promise<Review> {
    let last: Review | null = null;
    for await (const review of this.watch(reviewId, options)) {
      last = review;
    }
    if (last === null) {
      throw new NoDecision("UNKNOWN", "the daemon told nothing of the review");
    }
    return last;
  }

  private resolve(reviewId: string, state: ReviewState, form: Wire, options: Sentence): Promise<Review> {
    const message = { ...the(reviewId), state: STATES.get(state), ...form, ...said(options) };
    return this.act(connect.RESOLVE_REVIEW, message, options);
  }

  private async act(method: Method, message: Wire, options: CallOptions): Promise<Review> {
    return readReview(await this.connection.call(method, message, options));
  }
}

function the(reviewId: string): Wire {
  return { reviewId: text(reviewId, "reviewId") };
}

function said({ note, reviewer }: Sentence): Wire {
  return { note: text(note ?? "", "note"), reviewer: text(reviewer ?? "", "reviewer") };
}

function lease({ leaseMs }: Lease): Wire {
  if (leaseMs === undefined || leaseMs === null) {
    return {};
  }
  if (!Number.isFinite(leaseMs)) {
    throw refused("leaseMs", "expected a number of milliseconds");
  }
  const seconds = Math.floor(leaseMs / 1000);
  return { lease: { seconds, nanos: Math.round((leaseMs - seconds * 1000) * 1e6) } };
}
