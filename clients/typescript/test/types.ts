/** Read by the compiler only: what a caller writes has types, and mistakes are found. */

import { Client, type Decision, InvalidRequest, type Request, type Review } from "../src/index";

export async function asked(client: Client): Promise<string[]> {
  const request: Request = {
    tenant: { id: "north", plan: "pro" },
    user: { id: "u1", roles: ["clerk"], clearance: 3 },
    stage: "tool_call",
    tool: { name: "refund", args: { order: "A-7" } },
    context: { amount: "750.00" },
    capabilities: ["mask", "wait"],
  };
  const decision: Decision = await client.decide(request, { timeoutMs: 50, signal: AbortSignal.timeout(20) });
  const review: Review = await client.waitReview(decision.escalation?.reviewId ?? "", { timeoutMs: 1000 });
  // @ts-expect-error no such stage
  await client.decide({ tenant: "north", user: "u1", stage: "reqest" });
  // @ts-expect-error no user
  await client.decide({ tenant: "north", stage: "request" });
  // @ts-expect-error a misspelt part
  await client.decide({ tenant: "north", user: "u1", stage: "request", contnet: "x" });
  // @ts-expect-error a decision is not changed
  decision.action = "allow";
  const error: unknown = new InvalidRequest("no");
  const paths = error instanceof InvalidRequest ? error.violations.map((each) => each.path) : [];
  const text: string | null = await client.exchange({ tenant: "north", user: "u1" }, async (exchange) => {
    const prompt = await exchange.request({ content: "hello" });
    return prompt.content;
  });
  return [...paths, text ?? "", review.state];
}
