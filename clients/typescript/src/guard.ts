/** A streamed response through the daemon: pieces of text in, what may pass on out, as it flows. */

import type * as grpc from "@grpc/grpc-js";

import { type CallOptions, type Connection, GUARD } from "./connection";
import { readDecision, readRedactions } from "./decode";
import { Aborted, fromRpc, NoDecision, notAllowed, refused, Unavailable } from "./errors";
import { buildRequest, type Opening, text } from "./request";
import type { Decision, Redaction } from "./results";
import { Chunk, GuardedChunk, has, type Wire } from "./wire";

/** The pieces of a response. */
export type Source = AsyncIterable<string> | Iterable<string>;

export interface GuardOptions extends CallOptions {
  /** Throw at the end of what is blocked; true by default. With false the iteration just ends. */
  readonly throwOnBlock?: boolean | undefined;
}

/** For a whole response, where the call does not say otherwise. */
const GUARD_MS = 600_000;

/**
 * An asynchronous iterable over the text that may pass on, to be read once. Leaving the loop early ends the call: the daemon
 * then decides on and records what had come.
 */
export class Guard implements AsyncIterable<string> {
  /** The decision on the whole, without its content; null until the end. */
  decision: Decision | null = null;
  /** What was replaced so far; places count from the beginning of the response. */
  readonly redactions: Redaction[] = [];
  private readonly open: Wire;
  private begun = false;

  constructor(
    private readonly connection: Connection,
    private readonly source: Source,
    opening: Opening,
    private readonly options: GuardOptions,
  ) {
    this.open = openingOf(opening);
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<string, void, undefined> {
    if (this.begun) {
      throw new TypeError("a guard is read once");
    }
    this.begun = true;
    const { signal } = this.options;
    const deadline = Date.now() + this.connection.time({ timeoutMs: this.options.timeoutMs ?? GUARD_MS });
    const token = await this.connection.bearer(deadline, signal);
    await this.connection.reach(deadline, signal);
    const talk = new Talk(this.connection, token, deadline, signal);
    const pieces = chunks(this.open, this.source);
    try {
      // Step by step: each piece has one answer.
      while (this.decision === null) {
        const next = await Promise.race([pieces.next(), talk.failed]);
        if (!next.done) {
          talk.write(next.value);
        }
        const passed = this.take(await talk.read());
        if (passed !== "") {
          yield passed;
        }
      }
    } finally {
      talk.close();
      // Not awaited: a source that hangs must not hold up whoever leaves.
      pieces.return(undefined).catch(() => undefined);
    }
    if ((this.options.throwOnBlock ?? true) && !this.decision.passes) {
      throw notAllowed(this.decision);
    }
  }

  private take(answer: Wire): string {
    this.redactions.push(...readRedactions(answer.redactions));
    if (has(answer, "decision")) {
      this.decision = readDecision(answer.decision);
    }
    return answer.text;
  }
}

/** The call: one chunk out, one answer in. */
class Talk {
  /** Never resolves; rejects when the call ends before its last answer. */
  readonly failed: Promise<never>;
  private readonly call: grpc.ClientDuplexStream<Wire, Wire>;
  private readonly answers: Wire[] = [];
  private wake: (() => void) | null = null;
  private readonly unlisten: () => void;

  constructor(connection: Connection, token: string | undefined, deadline: number, signal: AbortSignal | undefined) {
    this.call = connection.client.makeBidiStreamRequest(
      GUARD,
      Chunk.encode,
      GuardedChunk.decode,
      connection.metadata(token),
      { deadline },
    );
    this.failed = new Promise((_, reject) => {
      const fail = (error: NoDecision): void => reject(signal?.aborted ? new Aborted(signal.reason) : error);
      this.call.on("error", (error: grpc.ServiceError) => fail(fromRpc(error)));
      this.call.on("end", () => fail(new Unavailable("UNAVAILABLE", "the daemon ended the stream")));
    });
    // Whoever is not waiting for it does not mind.
    this.failed.catch(() => undefined);
    this.call.on("data", (answer: Wire) => {
      this.answers.push(answer);
      this.wake?.();
    });
    const giveUp = (): void => this.call.cancel();
    signal?.addEventListener("abort", giveUp, { once: true });
    this.unlisten = () => signal?.removeEventListener("abort", giveUp);
  }

  write(chunk: Wire): void {
    this.call.write(chunk);
  }

  async read(): Promise<Wire> {
    if (this.answers.length === 0) {
      const came = new Promise<void>((resolve) => {
        this.wake = resolve;
      });
      await Promise.race([came, this.failed]);
    }
    return this.answers.shift();
  }

  close(): void {
    this.unlisten();
    this.call.cancel();
  }
}

async function* chunks(open: Wire, source: Source): AsyncGenerator<Wire, void, undefined> {
  yield { open };
  // A surrogate pair may be cut between two pieces: its first half waits for the second.
  let half = "";
  for await (const piece of source) {
    if (typeof piece !== "string") {
      throw refused("text", "expected a string");
    }
    let whole = half + piece;
    half = /[\uD800-\uDBFF]$/.test(whole) ? whole.slice(-1) : "";
    whole = half === "" ? whole : whole.slice(0, -1);
    yield { text: text(whole, "text") };
  }
  yield { text: text(half, "text"), last: true };
}

function openingOf(opening: object): Wire {
  for (const name of ["content", "messages"]) {
    if ((opening as Record<string, unknown>)[name] !== undefined) {
      throw refused(name, "comes in the pieces of the stream");
    }
  }
  return buildRequest({ stage: "response", ...opening });
}
