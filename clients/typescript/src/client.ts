/** The client: asks one daemon from as many places of a process as there are. */

import * as connect from "./connection";
import { type CallOptions, type ClientOptions, Connection } from "./connection";
import { readDecision, readExplanation, readStatus } from "./decode";
import { noDecision } from "./errors";
import { Exchange, type ExchangeOptions } from "./exchange";
import { Guard, type GuardOptions, type Source } from "./guard";
import { Pipeline } from "./pipeline";
import { type About, buildRequest, buildUsage, type Opening, type Request, text, type Usage } from "./request";
import type { Decision, Explanation, Review, Status } from "./results";
import { Reviews, type Wait } from "./reviews";
import { DecideRequest } from "./wire";

/** A larger request gets a call of its own: on the stream the others would wait for it, and fall with one that is too large. */
const LARGE = 128 * 1024;

/** Make one and keep it; it connects at the first call, and again whenever the connection is lost. */
export class Client {
  /** What reviewers do, and what a gateway is told of reviews. */
  readonly reviews: Reviews;
  private readonly connection: Connection;
  private readonly pipeline: Pipeline | null;
  private numbers = 0;

  /** `address` is `host:port`, `unix:///path/to/socket` or any other target that grpc-js knows. */
  constructor(address: string, options: ClientOptions = {}) {
    this.connection = new Connection(address, options);
    this.reviews = new Reviews(this.connection);
    const { coalesce = true, inFlight = 1024, waiting = 65536 } = options;
    if (!(inFlight >= 1) || !(waiting >= 1)) {
      throw new RangeError("inFlight and waiting must be at least 1");
    }
    this.pipeline = coalesce ? new Pipeline(this.connection, inFlight, waiting) : null;
  }

  /**
   * Return whether it may pass, in what form. Throws NoDecision when there is no answer.
   *
   * Calls that are under way at once share a stream. Never repeated: the first try may have taken throttle units.
   */
  async decide(request: Request, options: CallOptions = {}): Promise<Decision> {
    const message = buildRequest(request);
    if (this.pipeline === null) {
      return readDecision(await this.connection.call(connect.DECIDE, message, options));
    }
    const asked = message.requestId ?? "";
    const number = (this.numbers += 1).toString(36);
    message.requestId = number;
    const bytes = DecideRequest.encode(message);
    if (bytes.length > LARGE) {
      message.requestId = asked;
      return readDecision(await this.connection.call(connect.DECIDE, message, options));
    }
    let timeoutMs = this.connection.time(options);
    let token = this.connection.token();
    if (typeof token === "object") {
      const deadline = Date.now() + timeoutMs;
      token = await this.connection.inTime(token, deadline, options.signal);
      timeoutMs = deadline - Date.now();
    }
    const answer = await this.pipeline.ask(number, bytes, token, timeoutMs, options);
    const decision = readDecision(answer, asked);
    if (decision.failure !== null) {
      throw noDecision(decision.failure);
    }
    return decision;
  }

  /**
   * Return one decision for each request (at most 1024), in their order. One that cannot be decided has `failure` set, and
   * deny as its action.
   */
  async decideBatch(requests: Iterable<Request>, options: CallOptions = {}): Promise<Decision[]> {
    const message = { requests: [...requests].map(buildRequest) };
    const answer = await this.connection.call(connect.DECIDE_BATCH, message, options);
    return answer.decisions.map((each: unknown) => readDecision(each));
  }

  /** Return why it would be decided as it would. Consumes and records nothing. */
  async explain(request: Request, options: CallOptions = {}): Promise<Explanation> {
    return readExplanation(await this.connection.call(connect.EXPLAIN, buildRequest(request), options));
  }

  /** Report the real usage of a decision; return whether that changed anything. Repeating it does not. */
  async settle(decisionId: string, usage: Usage = {}, options: CallOptions = {}): Promise<boolean> {
    const message = { decisionId: text(decisionId, "decisionId"), usage: buildUsage(usage) };
    return (await this.connection.call(connect.SETTLE, message, options)).settled;
  }

  /**
   * Return an asynchronous iterable over what may pass on of a streamed response. `timeoutMs` is for the whole, ten minutes
   * by default.
   */
  guard(source: Source, opening: Opening, options: GuardOptions = {}): Guard {
    return new Guard(this.connection, source, opening, options);
  }

  /**
   * Run `body` as one exchange with a model: decide, call the model, decide on the response. However it ends, all that was
   * reserved is settled then.
   */
  async exchange<Result>(
    about: About,
    body: (exchange: Exchange) => Promise<Result>,
    options: ExchangeOptions = {},
  ): Promise<Result> {
    const exchange = new Exchange(this, about, options);
    let result: Result;
    try {
      result = await body(exchange);
    } catch (error) {
      await exchange.finish(error ?? null);
      throw error;
    }
    await exchange.finish(undefined);
    return result;
  }

  /**
   * Return a review once it is answered, or as it stands when the time is nearly over. Then ask `decide` again with the same
   * request: the decision is what came of the review.
   */
  async waitReview(reviewId: string, options: Wait): Promise<Review> {
    return this.reviews.wait(reviewId, options);
  }

  /** Return which policies the daemon serves. Needs its Admin service. */
  async status(options: CallOptions = {}): Promise<Status> {
    return readStatus(await this.connection.call(connect.GET_STATUS, {}, options));
  }

  /** Close the connection; calls that run fail with Unavailable. */
  close(): void {
    this.connection.closed = true;
    this.pipeline?.close();
    this.connection.close();
  }
}
