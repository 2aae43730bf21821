// What happens when the daemon is not there, goes away, or does not answer.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

import * as grpc from "@grpc/grpc-js";

import { Client, DeadlineExceeded, InvalidRequest, NoDecision, NotPermitted, Unavailable } from "../index.mjs";
import { ASK, nobody, started, WHO } from "./daemon.mjs";

function open(test, address, options) {
  const client = new Client(address, options);
  test.after(() => client.close());
  return client;
}

/** A wire to the daemon; `cut` has what was connected say nothing any more, and end nothing either. */
async function wire(test, address) {
  const [host, port] = address.split(":");
  const pairs = [];
  const server = createServer((near) => {
    const far = connect(Number(port), host);
    pairs.push([near, far]);
    near.pipe(far);
    far.pipe(near);
    for (const [one, other] of [[near, far], [far, near]]) {
      one.on("error", () => other.destroy());
    }
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  test.after(() => {
    server.close();
    pairs.flat().forEach((each) => each.destroy());
  });
  return {
    address: `127.0.0.1:${server.address().port}`,
    cut: () => pairs.flat().forEach((each) => each.unpipe().resume()),
  };
}

it("a call waits for a daemon that is not there, until its deadline, and says that it was never sent", async (test) => {
  const client = open(test, await nobody());
  await assert.rejects(client.decide(ASK, { timeoutMs: 200 }), (error) => {
    assert.ok(error instanceof DeadlineExceeded);
    assert.match(error.message, /never sent/);
    return true;
  });
  const hasty = open(test, await nobody(), { waitForReady: false, timeoutMs: 60_000 });
  await assert.rejects(hasty.decide(ASK), Unavailable);
});

it("a signal gives up what waits and what is under way, and nothing else", async (test) => {
  const away = open(test, await nobody(), { timeoutMs: 60_000 });
  await assert.rejects(away.decide(ASK, { signal: AbortSignal.abort(new RangeError("why")) }), (error) => {
    assert.equal(error.name, "AbortError");
    assert.equal(error.cause.message, "why");
    return true;
  });
  await assert.rejects(away.decide(ASK, { signal: AbortSignal.timeout(50) }), { name: "AbortError" });
  await assert.rejects(away.explain(ASK, { signal: AbortSignal.timeout(50) }), { name: "AbortError" });

  const { daemon } = await started(test);
  const client = open(test, daemon.address, { timeoutMs: 60_000 });
  await client.decide(ASK);
  const stop = new AbortController();
  const [given, kept] = await Promise.allSettled([
    (async () => {
      const asking = client.decide(ASK, { signal: stop.signal });
      await new Promise(setImmediate);
      stop.abort();
      return asking;
    })(),
    client.decide(ASK),
  ]);
  assert.ok(given.status === "fulfilled" || given.reason.name === "AbortError");
  assert.equal(kept.value.action, "allow");
});

it("a daemon that is killed fails what was in flight, and the next call finds its successor", async (test) => {
  const { daemon, next } = await started(test, { options: ["--listen", await nobody()] });
  const client = open(test, daemon.address, { timeoutMs: 60_000 });
  await client.decide(ASK);
  daemon.signal("SIGSTOP");
  const flying = Array.from({ length: 20 }, () => client.decide(ASK));
  const failed = Promise.allSettled(flying);
  // Written by now: the connection stood.
  await new Promise(setImmediate);
  await daemon.stop("SIGKILL");
  for (const each of await failed) {
    assert.ok(each.reason instanceof Unavailable, String(each.reason));
  }
  const waiting = client.decide(ASK);
  await next(["--listen", daemon.address]);
  assert.equal((await waiting).action, "allow");
});

it("deadlines hold while the daemon stands still, and what was not written is not sent later", async (test) => {
  const { daemon } = await started(test);
  const client = open(test, daemon.address, { timeoutMs: 60_000, inFlight: 4, waiting: 6 });
  await client.decide(ASK);
  daemon.signal("SIGSTOP");
  const asked = await Promise.allSettled(Array.from({ length: 12 }, () => client.decide(ASK, { timeoutMs: 200 })));
  daemon.signal("SIGCONT");
  const why = asked.map((each) => each.reason.message);
  assert.equal(why.filter((each) => /DEADLINE_EXCEEDED: no answer in time$/.test(each)).length, 4);
  assert.equal(why.filter((each) => each.endsWith("never sent")).length, 6);
  assert.equal(why.filter((each) => each.startsWith("RESOURCE_EXHAUSTED")).length, 2);
  assert.equal((await client.decide(ASK)).action, "allow");
});

it("a daemon that vanishes without a word is given up, and the next connection found", async (test) => {
  const { daemon } = await started(test);
  const between = await wire(test, daemon.address);
  const client = open(test, between.address, { timeoutMs: 60_000 });
  await client.decide(ASK);
  between.cut();
  await assert.rejects(client.decide(ASK, { timeoutMs: 200 }), DeadlineExceeded);
  for (;;) {
    try {
      assert.equal((await client.decide(ASK)).action, "allow");
      break;
    } catch (error) {
      assert.ok(error instanceof Unavailable, String(error));
    }
  }
});

it("who asks now and then whether the daemon is there is not sent away", async (test) => {
  for (const transport of ["lean", "grpcio"]) {
    const { daemon } = await started(test, { options: ["--set", `grpc.transport=${transport}`] });
    const channelOptions = { "grpc.keepalive_time_ms": 1_100 };
    const client = open(test, daemon.address, { timeoutMs: 60_000, channelOptions });
    let text = "";
    const pieces = (async function* () {
      yield "hello ";
      await sleep(6_000);
      yield "there";
    })();
    for await (const piece of client.guard(pieces, WHO)) {
      text += piece;
    }
    assert.equal(text, "hello there");
  }
});

it("more at once than may be in flight are all answered", async (test) => {
  const { daemon } = await started(test);
  const client = open(test, daemon.address, { timeoutMs: 60_000, inFlight: 3 });
  const decisions = await Promise.all(
    Array.from({ length: 200 }, (_, at) => client.decide({ ...ASK, requestId: String(at) })),
  );
  assert.deepEqual(decisions.map((each) => each.requestId), decisions.map((_, at) => String(at)));
});

it("a token that changes opens another stream, and loses nothing", async (test) => {
  const { daemon } = await started(test);
  let number = 0;
  const client = open(test, daemon.address, { timeoutMs: 60_000, token: () => `t${Math.floor(number++ / 5)}` });
  const decisions = await Promise.all(Array.from({ length: 40 }, () => client.decide(ASK)));
  assert.equal(decisions.every((each) => each.passes), true);
});

it("closing fails what is under way", async (test) => {
  const client = open(test, await nobody(), { timeoutMs: 60_000 });
  const asked = [client.decide(ASK), client.decideBatch([ASK])];
  const failed = Promise.allSettled(asked);
  client.close();
  for (const each of await failed) {
    assert.ok(each.reason instanceof NoDecision, String(each.reason));
  }
});

it("what cannot be sent is refused with its path, before anything is sent", async (test) => {
  const client = open(test, await nobody(), { timeoutMs: 60_000 });
  const loop = {};
  loop.self = loop;
  const wrong = {
    content: { content: "half \uD83D" },
    contnet: { contnet: "hello" },
    constructor: { ["constructor"]: "x" },
    stage: { stage: "nowhere" },
    "user.roles": { user: { id: "u", roles: "clerk" } },
    "usage.inputTokens": { usage: { inputTokens: 1.5 } },
    "usage.costUsd": { usage: { costUsd: Number.NaN } },
    "session.trun": { session: { id: "s", trun: 1 } },
    capabilities: { capabilities: ["fly", "constructor"] },
    "context.loop.self": { context: { loop } },
    "context.at.big": { context: { at: { big: 2n ** 60n } } },
    "context.odd name[1]": { context: { "odd name": [1, Number.NaN] } },
    "tool.args.n": { tool: { name: "t", args: new Map([["n", 2n ** 60n]]) } },
    "tenant.size": { tenant: { id: "north", size: 2n ** 60n } },
    "messages[1].text": { messages: [{ role: "user", text: "a" }, { role: "user", text: 3 }] },
  };
  for (const [path, part] of Object.entries(wrong)) {
    await assert.rejects(client.decide({ ...ASK, ...part }), (error) => {
      assert.ok(error instanceof InvalidRequest, String(error));
      assert.equal(error.violations[0].path, path);
      return true;
    });
  }
  class Hidden {
    #note = "ann@example.com";
  }
  const shownNothing = [Promise.resolve("x"), new Error("x"), new Hidden(), [1].values(), new URLSearchParams("a=b"), /x/u];
  const maps = [new Map([[1, "a"], ["1", "b"]]), new Map([[{}, "a"]]), new Map([[["a"], "a"]])];
  for (const note of [...shownNothing, ...maps]) {
    await assert.rejects(client.decide({ ...ASK, context: { note } }), { message: /; context\.note: has no JSON form/ });
    await assert.rejects(client.decide({ ...ASK, stage: "tool_call", tool: { name: "t", args: note } }), InvalidRequest);
    await assert.rejects(client.decide({ ...ASK, model: note }), { message: /; model: expected/ });
    await assert.rejects(client.decide({ ...ASK, usage: note }), { message: /; usage: expected/ });
  }
  await assert.rejects(client.decide(new Map(Object.entries(ASK))), InvalidRequest);
  for (const context of [{ n: Number.NaN }, { at: new Date(Number.NaN) }, { f: () => 1 }]) {
    await assert.rejects(client.decide({ ...ASK, context }), InvalidRequest);
  }
});

it("a token that never comes has the deadline of its call, and can be given up", async (test) => {
  for (const coalesce of [true, false]) {
    const client = open(test, await nobody(), { coalesce, token: () => new Promise(() => undefined) });
    const guarded = (options) => client.guard(["hello"], WHO, options)[Symbol.asyncIterator]().next();
    const watched = (options) => client.reviews.watch("r1", options).next();
    for (const ask of [client.decide.bind(client, ASK), client.explain.bind(client, ASK), guarded, watched]) {
      await assert.rejects(ask({ timeoutMs: 50 }), (error) => {
        assert.ok(error instanceof DeadlineExceeded);
        assert.match(error.message, /never sent/);
        return true;
      });
      await assert.rejects(ask({ timeoutMs: 60_000, signal: AbortSignal.timeout(50) }), { name: "AbortError" });
      await assert.rejects(ask({ timeoutMs: 60_000, signal: AbortSignal.abort() }), { name: "AbortError" });
    }
  }
  const refused = open(test, await nobody(), { token: () => Promise.reject(new RangeError("none today")) });
  await assert.rejects(refused.decide(ASK), RangeError);
  // Refused after its call was given up: nobody waits for it, and the process does not end of it.
  await assert.rejects(refused.decide(ASK, { signal: AbortSignal.abort() }), { name: "AbortError" });
  await sleep(1);
});

it("a token or metadata that no header can carry is refused, and holds up nobody else", async (test) => {
  const { daemon } = await started(test);
  let token;
  for (const coalesce of [true, false]) {
    const client = open(test, daemon.address, { coalesce, token: () => token, timeoutMs: 60_000 });
    const guarded = () => client.guard(["hello"], WHO)[Symbol.asyncIterator]().next();
    const watched = () => client.reviews.watch("r1", { timeoutMs: 60_000 }).next();
    for (const wrong of ["secret\n", "sécret", "", "  ", null, 5, Promise.resolve("secret\n")]) {
      token = wrong;
      for (const ask of [() => client.decide(ASK), () => client.explain(ASK), guarded, watched]) {
        await assert.rejects(ask(), (error) => {
          assert.ok(error instanceof NotPermitted, String(error));
          assert.match(error.message, /never sent/);
          assert.doesNotMatch(error.message, /s.cret/);
          return true;
        });
      }
    }
    for (token of ["fine", " fine "]) {
      assert.equal((await client.decide(ASK)).action, "allow");
    }
  }
  for (const [name, value] of [["x-key", "secret\n"], ["x key", "a"], ["x-bin", "a"]]) {
    assert.throws(() => new Client(daemon.address, { metadata: { [name]: value } }), (error) => {
      assert.ok(error instanceof TypeError);
      assert.ok(error.message.includes(`\`${name}\``));
      assert.doesNotMatch(error.message, /secret/);
      return true;
    });
  }
});

it("a call that was given up keeps no process alive until its deadline", async () => {
  const program = `
    import { Client } from ${JSON.stringify(new URL("../index.mjs", import.meta.url).href)};
    const client = new Client("127.0.0.1:1", { timeoutMs: 3_600_000, token: () => new Promise(() => undefined) });
    const stop = new AbortController();
    const asked = client.explain({ tenant: "a", user: "u", stage: "document" }, { signal: stop.signal });
    stop.abort();
    await asked.catch((error) => console.log(error.name));
  `;
  // It ends of itself; the limit only has this test fail where it does not.
  const ended = await promisify(execFile)(process.execPath, ["--input-type=module", "-e", program], { timeout: 60_000 });
  assert.equal(ended.stdout, "AbortError\n");
});

it("a time that is no number is refused, whatever is asked", async (test) => {
  const client = open(test, await nobody());
  for (const timeoutMs of [NaN, -1, 1000n, true, "1000", []]) {
    await assert.rejects(client.decide(ASK, { timeoutMs }), RangeError);
    await assert.rejects(client.explain(ASK, { timeoutMs }), RangeError);
    await assert.rejects(client.waitReview("r1", { timeoutMs }), RangeError);
    await assert.rejects(client.guard(["hello"], WHO, { timeoutMs })[Symbol.asyncIterator]().next(), RangeError);
    assert.throws(() => new Client("127.0.0.1:1", { timeoutMs }), /timeoutMs must be a number of milliseconds/);
  }
});

it("a time that is null is as if it were left out", async (test) => {
  const client = open(test, await nobody(), { timeoutMs: null, token: () => new Promise(() => undefined) });
  const left = open(test, await nobody(), { timeoutMs: 50, token: () => new Promise(() => undefined) });
  assert.equal(client.connection.time({ timeoutMs: null }), 1000);
  assert.equal(left.connection.time({ timeoutMs: null }), 50);
  await assert.rejects(left.decide(ASK, { timeoutMs: null }), DeadlineExceeded);
});

it("an option that would end the process is refused by its name", async (test) => {
  for (const coalesce of [true, false]) {
    const client = open(test, await nobody(), { coalesce });
    for (const signal of [{}, 5n]) {
      await assert.rejects(client.decide(ASK, { signal }), { name: "TypeError", message: "signal must be an AbortSignal" });
      await assert.rejects(client.guard(["a"], WHO, { signal })[Symbol.asyncIterator]().next(), TypeError);
    }
  }
  const named = /channel option `grpc.keepalive_time_ms` must be no bigint/;
  assert.throws(() => new Client("127.0.0.1:1", { channelOptions: { "grpc.keepalive_time_ms": 5n } }), named);
  assert.throws(() => new Client("127.0.0.1:1", { tls: { serverName: 5n } }), /must be no bigint/);
});

it("a certificate of the daemon that is not accepted is told at once, and not waited for", async (test) => {
  const home = await mkdtemp(join(tmpdir(), "pol-tls-"));
  test.after(() => rm(home, { recursive: true, force: true }));
  const source = fileURLToPath(new URL("../../../tests/doors/grpc/localhost", import.meta.url));
  const roots = await readFile(`${source}.crt`);
  await writeFile(join(home, "tls.key"), await readFile(`${source}.key`), { mode: 0o600 });
  const options = [`grpc.tls.certificate_file=${source}.crt`, `grpc.tls.key_file=${join(home, "tls.key")}`];
  const { daemon } = await started(test, { options: options.flatMap((each) => ["--set", each]) });
  for (const coalesce of [true, false]) {
    const good = open(test, daemon.address, { coalesce, tls: { roots, serverName: "localhost" }, timeoutMs: 60_000 });
    assert.equal((await good.decide(ASK)).action, "allow");
    for (const tls of [{ serverName: "localhost" }, { roots, serverName: "elsewhere" }]) {
      const client = open(test, daemon.address, { coalesce, tls, timeoutMs: 60_000 });
      const calls = [
        () => client.decide(ASK),
        () => client.explain(ASK),
        () => client.waitReview("r1", { timeoutMs: 60_000 }),
        () => client.guard(["hello"], WHO)[Symbol.asyncIterator]().next(),
      ];
      for (const call of calls) {
        await assert.rejects(call(), (error) => {
          assert.ok(error instanceof Unavailable, String(error));
          assert.match(error.details, /^TLS: the daemon's certificate is not accepted \(.+\); see `tls.roots`/);
          return true;
        });
      }
    }
  }
});

it("a client whose certificate is missing is told so at once, and not that the daemon's is wrong", async (test) => {
  const home = await mkdtemp(join(tmpdir(), "pol-tls-"));
  test.after(() => rm(home, { recursive: true, force: true }));
  const source = fileURLToPath(new URL("../../../tests/doors/grpc/localhost", import.meta.url));
  const roots = await readFile(`${source}.crt`);
  const key = await readFile(`${source}.key`);
  await writeFile(join(home, "tls.key"), key, { mode: 0o600 });
  const { daemon } = await started(test, {
    options: [
      `grpc.tls.certificate_file=${source}.crt`,
      `grpc.tls.key_file=${join(home, "tls.key")}`,
      `grpc.tls.client_ca_file=${source}.crt`,
    ].flatMap((each) => ["--set", each]),
  });
  for (const coalesce of [true, false]) {
    const tls = { roots, serverName: "localhost" };
    const good = open(test, daemon.address, { coalesce, tls: { ...tls, certificate: roots, key }, timeoutMs: 60_000 });
    assert.equal((await good.decide(ASK)).action, "allow");
    const client = open(test, daemon.address, { coalesce, tls, timeoutMs: 60_000 });
    for (const call of [() => client.decide(ASK), () => client.waitReview("r1", { timeoutMs: 60_000 })]) {
      await assert.rejects(call(), (error) => {
        assert.ok(error instanceof Unavailable, String(error));
        assert.match(error.details, /^TLS: the daemon does not accept this client \(certificate required\); see `tls.certificate`/);
        return true;
      });
    }
  }
});

it("a daemon with TLS that is not there is waited for until the deadline", async (test) => {
  for (const coalesce of [true, false]) {
    const client = open(test, await nobody(), { coalesce, tls: {}, timeoutMs: 300 });
    await assert.rejects(client.decide(ASK), DeadlineExceeded);
    await assert.rejects(client.waitReview("r1", { timeoutMs: 300 }), DeadlineExceeded);
    await assert.rejects(client.decide(ASK, { timeoutMs: 60_000, signal: AbortSignal.timeout(50) }), { name: "AbortError" });
  }
});

it("what is wrong in a call about reviews is named", async (test) => {
  const { reviews } = open(test, await nobody());
  const wrong = {
    reviewId: [() => reviews.get(5n), () => reviews.get(null), () => reviews.history(5n), () => reviews.wait(5n, {})],
    queue: [() => reviews.list({ queue: 5n })],
    tenant: [() => reviews.list({ tenant: 5n })],
    after: [() => reviews.list({ after: 5n })],
    most: [() => reviews.list({ most: 5n }), () => reviews.list({ most: 2 ** 32 }), () => reviews.list({ most: 1.5 })],
    leaseMs: [() => reviews.claim("r1", { leaseMs: 5n }), () => reviews.claim("r1", { leaseMs: Infinity })],
    to: [() => reviews.handOver("r1", 5n)],
    "arguments.n": [() => reviews.edit("r1", { arguments: { n: 2n ** 60n } })],
  };
  for (const [path, calls] of Object.entries(wrong)) {
    for (const call of calls) {
      await assert.rejects(call(), (error) => {
        assert.ok(error instanceof InvalidRequest, String(error));
        assert.equal(error.violations[0].path, path);
        return true;
      });
    }
  }
});

it("what a decision holds must be JSON where it says so", async (test) => {
  const server = new grpc.Server();
  const kept = (bytes) => bytes;
  const path = "/engine.v1.PolicyEngine/Decide";
  const method = { path, requestStream: false, responseStream: false };
  Object.assign(method, { requestDeserialize: kept, responseSerialize: kept, requestSerialize: kept, responseDeserialize: kept });
  // Allowed, with `{` as its arguments.
  const answer = Buffer.from([0x10, 1, 0x18, 1, 0x3a, 1, 0x7b]);
  server.addService({ decide: method }, { decide: (_call, done) => done(null, answer) });
  const port = await new Promise((resolve, reject) => {
    const credentials = grpc.ServerCredentials.createInsecure();
    server.bindAsync("127.0.0.1:0", credentials, (error, found) => (error ? reject(error) : resolve(found)));
  });
  test.after(() => server.forceShutdown());
  const client = open(test, `127.0.0.1:${port}`, { coalesce: false });
  await assert.rejects(client.decide(ASK), (error) => {
    assert.ok(error instanceof NoDecision);
    assert.match(error.message, /INTERNAL: .* JSON/);
    return true;
  });
});
