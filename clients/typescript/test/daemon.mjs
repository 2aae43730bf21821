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

/** Start a daemon and wait until it serves. */
export async function serve(policies, data, options = []) {
  const listen = options.includes("--listen") ? [] : ["--listen", "127.0.0.1:0"];
  const child = spawn(
    ENGINE,
    ["serve", policies, "--data", data, "--metrics", "", "--no-watch", ...listen, ...options],
    { cwd: data.replace(/\/[^/]*$/, ""), stdio: ["ignore", "pipe", "pipe"] },
  );
  const said = [];
  child.stderr.on("data", (bytes) => said.push(bytes));
  for await (const line of createInterface({ input: child.stdout })) {
    const found = / serves (\S+?:\d+)[,:]/.exec(line);
    if (found !== null) {
      child.stdout.resume();
      return {
        address: found[1],
        async stop(signal = "SIGTERM") {
          if (child.exitCode === null && child.signalCode === null) {
            child.kill(signal);
            await once(child, "exit");
          }
        },
        /** Hold it still, and let it go on. */
        signal: (name) => child.kill(name),
      };
    }
  }
  throw new Error(`the daemon did not start: ${Buffer.concat(said)}`);
}
