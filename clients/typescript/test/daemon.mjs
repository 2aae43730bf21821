// A real daemon for the tests: started on a free port with a folder of its own, and ended by its process.

import { spawn } from "node:child_process";
import { randomInt } from "node:crypto";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { mkdtemp, mkdir, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("../../..", import.meta.url));
const ENGINE = process.env.POL_ENGINE ?? join(ROOT, ".venv/bin/engine");

export const STARTER = join(ROOT, "policies/starter");

export const DESK = `package desk

schema {
  tenant.plan:    "free" | "pro"?
  context.amount: decimal?
  context.note:   string?
}

policy guard "The front desk" {
  default allow

  rule no_word  { when content contains "forbidden" then deny "that word is not spoken here" }
  rule contacts { when content has pii.email then redact pii.email as label }
  rule in_calls { when stage == "tool_call" then redact pii.email in tool.args as label }
  rule refunds  {
    when stage == "tool_call" and (context.amount ?? 0) > 500
    then escalate to "money" within 15m
  }
  rule budget   { then throttle 100000 tokens per calendar day by tenant.id, user.id }
  rule at_once  { when stage == "request" then throttle 8 concurrent by tenant.id for 5m }
}
`;

export const WHO = { tenant: "north", user: "u1" };
export const ASK = { ...WHO, stage: "document", content: "hello" };

/** An address where nobody listens, and that no other test is given: see tests/ports.py. */
export async function nobody() {
  for (;;) {
    const port = randomInt(10_000, 22_768);
    const claim = createSocket("udp4").unref();
    const probe = createServer();
    try {
      await Promise.all([once(claim, "listening"), claim.bind(port, "127.0.0.1")]);
      await Promise.all([once(probe, "listening"), probe.listen(port, "127.0.0.1")]);
      await new Promise((resolve) => probe.close(resolve));
      return `127.0.0.1:${port}`;
    } catch {
      claim.close();
    }
  }
}

/** A folder with the policies of the desk; `remove` takes it away. */
export async function desk() {
  const folder = await mkdtemp(join(tmpdir(), "pol-"));
  await mkdir(join(folder, "policies"));
  await writeFile(join(folder, "policies/desk.pol"), DESK);
  return {
    policies: join(folder, "policies"),
    data: join(folder, "data"),
    path: (name) => join(folder, name),
    remove: () => rm(folder, { recursive: true, force: true }),
  };
}

/** A daemon for one test: after it, however it ended, the daemon is gone, and then its folder. */
export async function started(test, { options = [], policies } = {}) {
  const home = await desk();
  const daemons = [];
  // One hook for all: where one fails, those behind it are not called.
  test.after(async () => {
    try {
      await Promise.all(daemons.map((each) => each.stop()));
    } finally {
      await home.remove();
    }
  });
  const next = async (some = options) => {
    const daemon = await serve(policies ?? home.policies, home.data, some);
    daemons.push(daemon);
    return daemon;
  };
  return { home, daemon: await next(), next };
}

/** What a daemon gets to begin and to end: far more than it needs, so that a test that waits for it says why. */
const PATIENCE_MS = 120_000;

/** Those that a test has left behind do not keep the process, and go with it. */
const running = new Set();
process.on("exit", () => running.forEach((child) => child.kill("SIGKILL")));

/** Start a daemon and wait until it serves. */
export async function serve(policies, data, options = []) {
  const listen = options.includes("--listen") ? [] : ["--listen", "127.0.0.1:0"];
  const child = spawn(
    ENGINE,
    ["serve", policies, "--data", data, "--metrics", "", "--no-watch", ...listen, ...options],
    { cwd: data.replace(/\/[^/]*$/, ""), stdio: ["ignore", "pipe", "pipe"], env: { ...process.env, PYTHONFAULTHANDLER: "1" } },
  );
  const said = [];
  child.stderr.on("data", (bytes) => said.push(bytes));
  running.add(child);
  const gone = once(child, "exit").finally(() => running.delete(child));
  const address = await patiently("serve", serving(child));
  if (address === null) {
    throw new Error(`the daemon did not start: ${Buffer.concat(said)}`);
  }
  child.stdout.resume();
  [child, child.stdout, child.stderr].forEach((each) => each.unref());
  return {
    address,
    async stop(signal = "SIGTERM") {
      child.kill(signal);
      await patiently("end", gone);
    },
    /** Hold it still, and let it go on. */
    signal: (name) => child.kill(name),
  };

  /** Wait for what the daemon does; where that takes too long, end it so that it tells where each of its threads is. */
  async function patiently(what, done) {
    let timer;
    const late = new Promise((resolve) => {
      timer = setTimeout(resolve, PATIENCE_MS, LATE);
    });
    const found = await Promise.race([done, late]);
    clearTimeout(timer);
    if (found === LATE) {
      child.kill("SIGCONT");
      child.kill("SIGABRT");
      await Promise.race([gone, sleep(10_000)]);
      throw new Error(`the daemon did not ${what} in ${PATIENCE_MS} ms: ${Buffer.concat(said)}`);
    }
    return found;
  }
}

const LATE = Symbol("late");

/** Where a daemon serves; null when it ended instead. */
async function serving(child) {
  for await (const line of createInterface({ input: child.stdout })) {
    const found = / serves (\S+?:\d+)[,:]/.exec(line);
    if (found !== null) {
      return found[1];
    }
  }
  return null;
}
