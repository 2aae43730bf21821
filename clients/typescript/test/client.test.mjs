import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { rm, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";

import * as imported from "../index.mjs";
import { ASK, desk, serve, STARTER, started, WHO } from "./daemon.mjs";

const { Client, Denied, Escalated, InvalidRequest, NoDecision, NotPermitted, Refused, Unavailable } = imported;
const required = createRequire(import.meta.url)("../dist/index.js");

it("import and require load the same classes", () => {
  assert.deepEqual(Object.keys(imported).sort(), Object.keys(required).sort());
  assert.equal(imported.Client, required.Client);
});

for (const kind of ["tcp", "unix"]) {
  describe(`a daemon on ${kind}`, { concurrency: false }, () => {
    let home;
    let daemon;
    let client;

    before(async () => {
      home = await desk();
      daemon = await serve(home.policies, home.data, ["--socket", home.path("engine.sock")]);
      const address = kind === "tcp" ? daemon.address : `unix://${home.path("engine.sock")}`;
      client = new Client(address, { timeoutMs: 60_000 });
    });

    after(async () => {
      client?.close();
      try {
        await daemon?.stop();
      } finally {
        await home.remove();
      }
    });

    it("decides, and gives the redacted form", async () => {
      const decision = await client.decide({ ...ASK, content: "Write to ann@example.com", requestId: "mine" });
      assert.equal(decision.effectiveAction, "redact");
      assert.equal(decision.passes, true);
      assert.equal(decision.content, "Write to [EMAIL]");
      assert.deepEqual(decision.redactions, [
        { path: "content", start: 9, end: 24, entity: "pii.email", strategy: "label" },
      ]);
      assert.equal(decision.requestId, "mine");
    });

    it("keeps the answers of many at once apart", async () => {
      const asked = Array.from({ length: 300 }, (_, at) => (at % 3 === 0 ? "forbidden" : `text ${at}`));
      const decisions = await Promise.all(
        asked.map((content, at) => client.decide({ ...ASK, content, requestId: `r${at}` })),
      );
      decisions.forEach((decision, at) => {
        assert.equal(decision.requestId, `r${at}`);
        assert.equal(decision.action, at % 3 === 0 ? "deny" : "allow");
      });
    });

    it("sends tool arguments, context and messages, and reads them redacted", async () => {
      const call = await client.decide({
        tenant: { id: "north", plan: "pro" },
        user: { id: "u1", roles: ["clerk"] },
        stage: "tool_call",
        tool: { name: "refund", server: "billing", args: { to: "ann@example.com", n: 3 } },
        model: "sonnet",
        session: { id: "s-1", turn: 2n ** 40n },
        source: "192.0.2.1",
        context: { amount: "12.50" },
        capabilities: ["mask", "wait"],
      });
      assert.deepEqual(call.arguments, { to: "[EMAIL]", n: 3 });
      const talk = await client.decide({
        ...WHO,
        stage: "document",
        messages: [{ role: "user", text: "hi" }, { role: "user", text: "ann@example.com" }],
      });
      assert.deepEqual(talk.messages?.map((each) => each.text), ["hi", "[EMAIL]"]);
    });

    it("lists every wrong path, on the stream and in a call of its own", async () => {
      const wrong = { ...ASK, context: { amuont: 3, note: 7 } };
      for (const coalesce of [true, false]) {
        const own = new Client(daemon.address, { timeoutMs: 60_000, coalesce });
        await assert.rejects(own.decide(wrong), (error) => {
          assert.ok(error instanceof InvalidRequest);
          assert.deepEqual(error.violations.map((each) => each.path).sort(), ["context.amuont", "context.note"]);
          return true;
        });
        assert.equal((await own.decide(ASK)).action, "allow");
        own.close();
      }
    });

    it("refuses what nobody would look at", async () => {
      const messages = [
        { role: "user", content: "forbidden" },
        { role: "user", text: "hello", content: "forbidden" },
        { role: "user" },
        new Map([["text", "forbidden"]]),
        ["forbidden"],
        5,
      ];
      for (const message of messages) {
        await assert.rejects(client.decide({ ...ASK, content: undefined, messages: [message] }), (error) => {
          assert.ok(error instanceof InvalidRequest);
          assert.match(error.violations[0].path, /^messages\[0\]/);
          return true;
        });
      }
      const kept = await client.decide({ ...ASK, content: undefined, messages: ["forbidden", { role: "assistant", text: null }] });
      assert.equal(kept.action, "deny");
      const bytes = Buffer.from("ann@example.com");
      const where = { ".to": { to: bytes }, ".to[0]": { to: [new Uint8Array(bytes)] }, ".to.a": { to: { a: bytes.buffer } }, "": bytes };
      for (const [path, args] of Object.entries(where)) {
        await assert.rejects(client.decide({ ...ASK, stage: "tool_call", tool: { name: "mail", args } }), {
          violations: [{ path: `tool.args${path}`, description: "has no JSON form (bytes, which are no text)" }],
        });
      }
    });

    it("decides a batch in which one is wrong", async () => {
      const decisions = await client.decideBatch([ASK, { ...ASK, tenant: { id: "" } }, { ...ASK, content: "forbidden" }]);
      assert.deepEqual(decisions.map((each) => each.action), ["allow", "deny", "deny"]);
      assert.equal(decisions[1].failure.violations[0].path, "tenant.id");
      assert.equal(decisions[2].failure, null);
    });

    it("gives a large request a call of its own", async () => {
      const [large, small] = await Promise.all([
        client.decide({ ...ASK, content: "word ".repeat(60_000), requestId: "large" }),
        client.decide(ASK),
      ]);
      assert.equal(large.requestId, "large");
      assert.equal(small.action, "allow");
    });

    it("explains without consuming", async () => {
      const explanation = await client.explain({ ...ASK, content: "forbidden" });
      assert.equal(explanation.decision.action, "deny");
      const rules = explanation.policies.flatMap((each) => each.rules);
      assert.equal(rules.find((each) => each.rule.endsWith("no_word")).when.value, true);
      assert.match(explanation.text, /no_word/);
    });

    it("settles once", async () => {
      const decision = await client.decide({ ...WHO, stage: "request", content: "hello", usage: { inputTokens: 10 } });
      assert.equal(decision.reserved, true);
      assert.equal(await client.settle(decision.decisionId, { inputTokens: 12, outputTokens: 8n, costUsd: "0.0125" }), true);
      assert.equal(await client.settle(decision.decisionId, { inputTokens: 12 }), false);
    });

    it("redacts a streamed response as it flows", async () => {
      const guard = client.guard(["Write to a", "nn@exam", "ple.org ", "or to nobody \uD83D", "\uDE00."], WHO);
      let shown = "";
      for await (const text of guard) {
        shown += text;
      }
      assert.equal(shown, "Write to [EMAIL] or to nobody \u{1F600}.");
      assert.equal(guard.redactions[0].start, 9);
      assert.equal(guard.decision.action, "redact");
    });

    it("ends a streamed response that is blocked with an error, or quietly", async () => {
      const read = async (guard) => {
        for await (const text of guard) {
          assert.ok(!text.includes("forbidden"));
        }
        return guard.decision;
      };
      await assert.rejects(read(client.guard(["this is forbidden"], WHO)), Denied);
      const decision = await read(client.guard(["this is forbidden"], WHO, { throwOnBlock: false }));
      assert.equal(decision.action, "deny");
    });

    it("throws a source's own error, and lets a loop be left early", async () => {
      async function* broken() {
        yield "one two three ";
        throw new RangeError("the model went away");
      }
      await assert.rejects(async () => {
        for await (const _ of client.guard(broken(), WHO));
      }, RangeError);
      let closed = false;
      async function* endless() {
        try {
          for (;;) {
            yield "some words and more words ";
          }
        } finally {
          closed = true;
        }
      }
      for await (const text of client.guard(endless(), WHO)) {
        assert.notEqual(text, "");
        break;
      }
      await new Promise(setImmediate);
      assert.equal(closed, true);
    });

    it("gives up a streamed response whose source hangs", async () => {
      const stop = new AbortController();
      async function* hanging() {
        yield "some words and more words ";
        await new Promise(() => {});
      }
      await assert.rejects(
        async () => {
          for await (const _ of client.guard(hanging(), WHO, { signal: stop.signal })) {
            stop.abort();
          }
        },
        { name: "AbortError" },
      );
    });

    it("settles an exchange however it ends", async () => {
      let inner;
      const answer = await client.exchange({ ...WHO, tenant: "west" }, async (exchange) => {
        inner = exchange;
        const prompt = await exchange.request({ content: "I am ann@example.com", usage: { inputTokens: 400 } });
        assert.equal(prompt.content, "I am [EMAIL]");
        return exchange.response({ content: "hello", usage: { inputTokens: 12, outputTokens: 3 } });
      });
      assert.equal(answer.content, "hello");
      assert.deepEqual(inner.unsettled, []);
      assert.equal(await client.settle(inner.decisions[0].decisionId, {}), false);

      const failing = client.exchange({ ...WHO, tenant: "west" }, async (exchange) => {
        inner = exchange;
        await exchange.request({ content: "hello" });
        throw new TypeError("the model failed");
      });
      await assert.rejects(failing, TypeError);
      assert.equal(await client.settle(inner.decisions[0].decisionId, {}), false);
      await assert.rejects(
        client.exchange(WHO, (exchange) => exchange.request({ content: "the forbidden word" })),
        (error) => error instanceof Denied && error.decision.reason === "that word is not spoken here",
      );
    });

    it("waits for a review, and passes what was approved", async () => {
      const refund = {
        ...WHO,
        stage: "tool_call",
        tool: { name: "refund", args: { order: kind } },
        context: { amount: "750.00" },
      };
      const { escalation } = await client.decide(refund);
      assert.equal(escalation.queue, "money");
      assert.ok(escalation.expiresAt > new Date());
      assert.equal((await client.waitReview(escalation.reviewId, { timeoutMs: 2_000 })).state, "open");
      const seen = [];
      const reviewer = { reviewer: "bob" };
      for await (const review of client.reviews.watch(escalation.reviewId, { timeoutMs: 60_000 })) {
        seen.push(review.state);
        if (seen.length === 1) {
          await client.reviews.claim(escalation.reviewId, { ...reviewer, leaseMs: 60_500 });
          await client.reviews.comment(escalation.reviewId, { ...reviewer, note: "looking" });
          await client.reviews.approve(escalation.reviewId, { ...reviewer, note: "fine" });
        }
      }
      assert.equal(seen.at(-1), "approved");
      const page = await client.reviews.list({ queue: "money", state: "approved" });
      assert.equal(page.reviews.some((each) => each.reviewId === escalation.reviewId), true);
      const acts = (await client.reviews.history(escalation.reviewId)).map((each) => each.act);
      assert.deepEqual(acts.slice(0, 4), ["opened", "claimed", "commented", "approved"]);
      const many = Array.from({ length: 1000 }, (_, number) => `note ${number}`);
      for (let begin = 0; begin < many.length; begin += 50) {
        const some = many.slice(begin, begin + 50);
        await Promise.all(some.map((note) => client.reviews.comment(escalation.reviewId, { ...reviewer, note })));
      }
      const notes = (await client.reviews.history(escalation.reviewId)).map((each) => each.note);
      assert.ok(notes.length > 1000);
      assert.deepEqual(notes.filter((each) => each.startsWith("note ")).sort(), many.sort());
      const review = await client.reviews.get(escalation.reviewId);
      assert.ok((await client.decide({ ...refund, approval: review.approvalToken })).passes);
      await assert.rejects(client.reviews.reject(escalation.reviewId, reviewer), Refused);
      await assert.rejects(client.reviews.get("nothing"), NoDecision);
    });

    it("releases, hands over, rejects and edits", async () => {
      const ask = (order) =>
        client.decide({ ...WHO, stage: "tool_call", tool: { name: "refund", args: { order, kind } }, context: { amount: "501" } });
      const [one, two] = await Promise.all([ask("A-1"), ask("A-2")]);
      const id = one.escalation.reviewId;
      await client.reviews.claim(id, { reviewer: "bob" });
      assert.equal((await client.reviews.handOver(id, "eve", { reviewer: "bob" })).claimedBy, "eve");
      assert.equal((await client.reviews.release(id, { reviewer: "eve" })).claimedBy, "");
      assert.equal((await client.reviews.reject(id, { reviewer: "eve", note: "no" })).state, "rejected");
      const edited = await client.reviews.edit(two.escalation.reviewId, { reviewer: "eve", arguments: { order: "B" } });
      assert.equal(edited.state, "edited");
      assert.deepEqual((await ask("A-2")).arguments, { order: "B" });
      await assert.rejects(client.exchange(WHO, (exchange) =>
        exchange.toolCall({ tool: { name: "refund", args: {} } }).then(() =>
          client.exchange({ ...WHO, context: { amount: 900 } }, (other) => other.toolCall({ tool: "refund" })))), Escalated);
    });

    it("tells how the daemon is", async () => {
      const status = await client.status();
      assert.equal(status.serving, true);
      assert.equal(status.rules, 6);
    });
  });
}

it("a reviewer's token is believed, and nothing else", async (test) => {
  const file = join(tmpdir(), `reviewers-${process.pid}.toml`);
  const digest = createHash("sha256").update("ann-token-of-the-tests").digest("hex");
  await writeFile(
    file,
    `[[reviewer]]\nname = "ann"\ntokens = ["sha256:${digest}"]\nqueues = ["*"]\ntenants = ["*"]\nmay = ["approve"]\n`,
    { mode: 0o600 },
  );
  test.after(() => rm(file));
  const { daemon } = await started(test, { options: ["--set", `reviews.reviewers=${file}`] });
  const gateway = new Client(daemon.address, { timeoutMs: 60_000 });
  test.after(() => gateway.close());
  const ann = new Client(daemon.address, { timeoutMs: 60_000, token: async () => "ann-token-of-the-tests" });
  test.after(() => ann.close());
  const { escalation } = await gateway.decide({ ...WHO, stage: "tool_call", tool: "refund", context: { amount: 900 } });
  await assert.rejects(gateway.reviews.approve(escalation.reviewId, { reviewer: "ann" }), NotPermitted);
  assert.equal((await ann.reviews.approve(escalation.reviewId)).resolvedBy, "ann");
});

it("the starter packs answer, and a closed client does not", async (test) => {
  const { daemon } = await started(test, { policies: STARTER });
  const client = new Client(daemon.address, { timeoutMs: 60_000 });
  test.after(() => client.close());
  const asked = { ...WHO, stage: "request", content: "hello", context: { app: "codegen", repository: "public" } };
  assert.equal((await client.decide(asked)).revision.length, 32);
  client.close();
  await assert.rejects(client.decide(asked), Unavailable);
  await assert.rejects(client.settle("x"), Unavailable);
});
