/** One exchange with a model: decide on the prompt, call it, decide on the response, settle. */

import type { CallOptions } from "./connection";
import { notAllowed, PolError } from "./errors";
import { type About, type Asked, buildUsage, type Request, type Usage } from "./request";
import type { Decision, Message, Stage } from "./results";

/** What an exchange needs of a client. */
export interface Decides {
  decide(request: Request, options?: CallOptions): Promise<Decision>;
  settle(decisionId: string, usage?: Usage, options?: CallOptions): Promise<boolean>;
}

export interface ExchangeOptions {
  /** Throw Denied, Throttled or Escalated when nothing may go on; true by default. */
  readonly throwOnBlock?: boolean | undefined;
  /** What a model call counts for that an error ended before its usage was known: "nothing" by default. */
  readonly onFailure?: "nothing" | "estimate" | undefined;
}

/**
 * What may go on: the redacted form where there is one, else the original. With `throwOnBlock: false` a blocked text comes
 * back too: then all is null but `decision`.
 */
export interface Passed {
  readonly decision: Decision;
  readonly passes: boolean;
  readonly content: string | null;
  readonly messages: readonly Message[] | null;
  readonly arguments: unknown;
}

/** A decision whose usage could not be reported; its estimate stands. */
export interface Unsettled {
  readonly decisionId: string;
  readonly usage: Usage;
}

/** A request that was decided on an estimate, and what its model call really used. */
interface Reservation {
  readonly decisionId: string;
  readonly reserved: boolean | null;
  /** Undefined: not known, so that the estimate stands. */
  usage: Usage | undefined;
  answered: boolean;
}

const NOTHING: Usage = { inputTokens: 0, outputTokens: 0, costUsd: "0" };
/** The usage is not known: the estimate stands, and what may run at once has one place more. */
const ESTIMATE: Usage = {};

export class Exchange {
  /** Every decision so far, in order. */
  readonly decisions: Decision[] = [];
  /** What could not be reported. */
  readonly unsettled: Unsettled[] = [];
  private reservations: Reservation[] = [];
  /** Decisions on something else than a request that hold a place among what may run at once. */
  private others: string[] = [];

  constructor(
    private readonly client: Decides,
    private readonly about: About,
    private readonly options: ExchangeOptions,
  ) {}

  /** Decide on a prompt; return what may go to the model. */
  async request(asked: Asked, options: CallOptions = {}): Promise<Passed> {
    // The calls before are over, unless they were not answered yet: nothing of theirs runs.
    const waiting = this.reservations.filter((each) => !each.answered);
    this.reservations = this.reservations.filter((each) => each.answered);
    const due = this.due(undefined);
    this.reservations = waiting;
    await this.settle(due);
    return this.decide("request", asked, options);
  }

  /** Decide on the model's response; return what may go to the user. Give `usage` if it is known. */
  async response(asked: Asked, options: CallOptions = {}): Promise<Passed> {
    this.used(asked.usage);
    return this.decide("response", asked, options);
  }

  /** Decide on a tool call; return the arguments to call it with. */
  async toolCall(asked: Asked, options: CallOptions = {}): Promise<Passed> {
    return this.decide("tool_call", asked, options);
  }

  /** Decide on what a tool gave back; return what may go to the model. */
  async toolResult(asked: Asked, options: CallOptions = {}): Promise<Passed> {
    return this.decide("tool_result", asked, options);
  }

  /** Decide on a document; return what may go into the context. */
  async document(asked: Asked, options: CallOptions = {}): Promise<Passed> {
    return this.decide("document", asked, options);
  }

  /** Say what the newest request's model call used, where no `response` follows. */
  used(usage: Usage | undefined): void {
    const newest = this.reservations.at(-1);
    if (newest !== undefined && !newest.answered) {
      newest.answered = true;
      buildUsage(usage ?? {});
      newest.usage = usage;
    }
  }

  /** Settle all that was reserved; `error` is what ended the exchange. Throws nothing. */
  async finish(error: unknown): Promise<void> {
    await this.settle(this.due(error));
  }

  private async decide(stage: Stage, asked: Asked, options: CallOptions): Promise<Passed> {
    const decision = await this.client.decide({ ...this.about, ...asked, stage }, options);
    this.note(stage, decision);
    if (!decision.passes && (this.options.throwOnBlock ?? true)) {
      throw notAllowed(decision);
    }
    return passOn(decision, asked);
  }

  /** Remember a decision. A blocked request is settled with nothing: no call follows. */
  private note(stage: Stage, decision: Decision): void {
    this.decisions.push(decision);
    const { decisionId, reserved, passes } = decision;
    if (stage === "request") {
      this.reservations.push({ decisionId, reserved, usage: passes ? undefined : NOTHING, answered: !passes });
    } else if (reserved) {
      this.others.push(decisionId);
    }
  }

  /** Return what is to be settled, and forget it. */
  private due(error: unknown): Unsettled[] {
    // What only ended the waiting says nothing of the model, which may have answered all the same.
    const lost = error !== undefined && (this.options.onFailure ?? "nothing") === "nothing" && !interrupts(error);
    const due: Unsettled[] = [];
    for (const each of this.reservations) {
      const usage = each.usage ?? (lost && !each.answered ? NOTHING : ESTIMATE);
      // A daemon that does not say what waits is told no more than what it can use.
      if (each.reserved ?? Object.keys(usage).length > 0) {
        due.push({ decisionId: each.decisionId, usage });
      }
    }
    due.push(...this.others.map((decisionId) => ({ decisionId, usage: ESTIMATE })));
    this.reservations = [];
    this.others = [];
    return due;
  }

  private async settle(due: readonly Unsettled[]): Promise<void> {
    for (const each of due) {
      try {
        await this.client.settle(each.decisionId, each.usage);
      } catch (error) {
        if (!(error instanceof PolError)) {
          throw error;
        }
        this.unsettled.push(each);
      }
    }
  }
}

/** Return whether `error` only ended the waiting: given up or timed out. */
function interrupts(error: unknown): boolean {
  const name = error instanceof Error ? error.name : "";
  return name === "AbortError" || name === "TimeoutError";
}

function passOn(decision: Decision, asked: Asked): Passed {
  const { passes } = decision;
  if (!passes) {
    return { decision, passes, content: null, messages: null, arguments: null };
  }
  const original = typeof asked.tool === "object" ? (asked.tool.args ?? null) : null;
  return {
    decision,
    passes,
    content: decision.content ?? asked.content ?? null,
    messages: decision.messages ?? asked.messages ?? null,
    arguments: decision.arguments ?? original,
  };
}
