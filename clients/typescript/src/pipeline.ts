/**
 * Many `decide` calls, one stream.
 *
 * A call waits in this process until the connection stands and the stream has room; only then is it written. What is given
 * up before was never sent. A stream that breaks fails what was written to it and not answered, since that may have been
 * decided; what still waits goes to the next stream.
 */

import * as grpc from "@grpc/grpc-js";

import { type CallOptions, type Connection, DECIDE_STREAM } from "./connection";
import { Aborted, DeadlineExceeded, fromRpc, NoDecision, Unavailable } from "./errors";
import { Decision, type Wire } from "./wire";

/** After so long without a decision the stream is closed: an open one keeps the process alive. */
const IDLE_MS = 1000;
const LOOK_MS = 500;

/** One call, from its beginning until it is answered or given up. */
interface Waiting {
  readonly number: string;
  readonly bytes: Buffer;
  readonly token: string | undefined;
  /** Called once, with the answer or what went wrong. */
  done: ((answer: Wire | null, error: NoDecision | null) => void) | null;
}

export class Pipeline {
  private readonly queue = new Set<Waiting>();
  private line: Line | null = null;
  private watching = false;

  constructor(
    private readonly connection: Connection,
    private readonly inFlight: number,
    private readonly most: number,
  ) {}

  /** Return the daemon's answer to the request in `bytes`, which carries `number` as its id. Throws NoDecision. */
  ask(number: string, bytes: Buffer, token: string | undefined, timeoutMs: number, options: CallOptions): Promise<Wire> {
    return new Promise((resolve, reject) => {
      const { signal } = options;
      this.connection.check(signal);
      if (this.queue.size >= this.most) {
        throw new NoDecision("RESOURCE_EXHAUSTED", "too many decisions wait in this client");
      }
      const waiting: Waiting = { number, bytes, token, done: null };
      const timer = setTimeout(() => {
        const unsent = this.queue.has(waiting) ? ": it was never sent" : "";
        waiting.done?.(null, new DeadlineExceeded("DEADLINE_EXCEEDED", `no answer in time${unsent}`));
      }, timeoutMs);
      const giveUp = (): void => waiting.done?.(null, new Aborted(signal?.reason));
      signal?.addEventListener("abort", giveUp, { once: true });
      waiting.done = (answer, error) => {
        waiting.done = null;
        clearTimeout(timer);
        signal?.removeEventListener("abort", giveUp);
        this.queue.delete(waiting);
        if (error === null) {
          resolve(answer);
        } else {
          reject(error);
        }
      };
      this.queue.add(waiting);
      this.pump();
    });
  }

  /** Fail everything that waits or is under way. */
  close(): void {
    const error = new Unavailable("UNAVAILABLE", "the client was closed");
    for (const waiting of [...this.queue]) {
      waiting.done?.(null, error);
    }
    this.line?.fail(error);
    this.line = null;
  }

  /** Send what waits, as far as the stream has room. */
  readonly pump = (): void => {
    for (const waiting of this.queue) {
      const line = this.current(waiting.token);
      if (line === null || line.flying.size >= this.inFlight || line.full) {
        return;
      }
      this.queue.delete(waiting);
      line.send(waiting);
    }
  };

  /** Return the stream that carries `token`, opened if need be; null while there is no connection. */
  private current(token: string | undefined): Line | null {
    if (this.line !== null && !this.line.over && this.line.token === token) {
      return this.line;
    }
    if (!this.ready()) {
      return null;
    }
    this.line?.end();
    this.line = new Line(this.connection, token, this.pump);
    return this.line;
  }

  /** Return whether there is a connection; else make one, and send then. */
  private ready(): boolean {
    if (this.connection.closed) {
      return false;
    }
    const channel = this.connection.client.getChannel();
    const state = channel.getConnectivityState(true);
    if (state === grpc.connectivityState.READY) {
      return true;
    }
    if (state === grpc.connectivityState.TRANSIENT_FAILURE && !this.connection.waitForReady) {
      for (const waiting of [...this.queue]) {
        waiting.done?.(null, new Unavailable("UNAVAILABLE", "the daemon cannot be reached: it was never sent"));
      }
    } else if (!this.watching) {
      if (state === grpc.connectivityState.TRANSIENT_FAILURE && this.connection.waitsForTls) {
        void this.look();
      }
      this.watching = true;
      channel.watchConnectivityState(state, Date.now() + LOOK_MS, () => {
        this.watching = false;
        this.pump();
      });
    }
    return false;
  }

  /** Fail what waits where the daemon's certificate is not accepted: nobody knows when it shows another. */
  private async look(): Promise<void> {
    const refused = await this.connection.refused(Date.now() + LOOK_MS);
    if (refused !== null) {
      for (const waiting of [...this.queue]) {
        waiting.done?.(null, refused);
      }
    }
  }
}

/** One stream, from its opening until it ends. */
class Line {
  /** What was written and is not answered, also where its caller has given up: the daemon still works on it. */
  readonly flying = new Map<string, Waiting>();
  /** Whether the stream takes nothing more for now. */
  full = false;
  /** Whether it takes nothing more at all. */
  over = false;
  private readonly call: grpc.ClientDuplexStream<Buffer, Wire>;
  private used = Date.now();

  constructor(
    connection: Connection,
    readonly token: string | undefined,
    private readonly pump: () => void,
  ) {
    const metadata = connection.metadata(token);
    // The connection stood a moment ago. If it does not any more, what is written must fail and not be sent later.
    metadata.setOptions({ waitForReady: false });
    this.call = connection.client.makeBidiStreamRequest(
      DECIDE_STREAM,
      (bytes: Buffer) => bytes,
      Decision.decode,
      metadata,
    );
    this.call.on("data", (answer: Wire) => this.answered(answer));
    this.call.on("drain", () => {
      this.full = false;
      this.pump();
    });
    this.call.on("error", (error: grpc.ServiceError) => this.fail(fromRpc(error)));
    this.call.on("end", () => this.fail(new Unavailable("UNAVAILABLE", "the daemon ended the stream")));
    this.watch();
  }

  send(waiting: Waiting): void {
    this.flying.set(waiting.number, waiting);
    this.full = !this.call.write(waiting.bytes);
  }

  /** Take nothing more; what is under way is still answered. */
  end(): void {
    if (!this.over) {
      this.over = true;
      this.call.end();
    }
  }

  /** Fail what is under way, and take nothing more. */
  fail(error: NoDecision): void {
    this.over = true;
    this.call.cancel();
    for (const waiting of this.flying.values()) {
      waiting.done?.(null, error);
    }
    this.flying.clear();
    this.pump();
  }

  private answered(answer: Wire): void {
    const waiting = this.flying.get(answer.requestId);
    this.flying.delete(answer.requestId);
    this.used = Date.now();
    waiting?.done?.(answer, null);
    this.pump();
  }

  private watch(): void {
    const quiet = Date.now() - this.used;
    if (this.over) {
      return;
    }
    if (this.flying.size === 0 && quiet >= IDLE_MS) {
      this.end();
    } else {
      setTimeout(() => this.watch(), IDLE_MS);
    }
  }
}
