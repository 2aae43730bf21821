// Asks a daemon with the TypeScript client: `node bench_typescript.mjs ADDRESS CLIENT SECONDS ROUNDS`. Prints one line of JSON:
// for each way and number in flight the decisions a second, the median latency and the client's CPU of one in us, a list with one item a round.

const [address, place, seconds, rounds] = process.argv.slice(2);
const { Client } = await import(place);
const asked = { tenant: "acme-shop", user: "u1", stage: "request", content: "hello", context: { bench_amount: 1.5 } };
const ways = { unary: false, coalesced: true };
const clients = {};
for (const [way, coalesce] of Object.entries(ways)) {
  clients[way] = new Client(address, { timeoutMs: 30_000, coalesce });
}

async function measure(client, flying) {
  const taken = [];
  const used = process.cpuUsage();
  const begin = performance.now();
  const end = begin + Number(seconds) * 1000;
  await Promise.all(
    Array.from({ length: flying }, async () => {
      for (let start = performance.now(); start < end; start = performance.now()) {
        await client.decide(asked);
        taken.push(performance.now() - start);
      }
    }),
  );
  const rate = (taken.length / (performance.now() - begin)) * 1000;
  const { user, system } = process.cpuUsage(used);
  taken.sort((one, other) => one - other);
  return { rate, p50: taken[taken.length >> 1] * 1000, cpu: (user + system) / taken.length };
}

const found = {};
for (let round = -1; round < Number(rounds); round += 1) {
  for (const flying of [1, 64]) {
    for (const way of Object.keys(ways)) {
      const figure = await measure(clients[way], flying);
      // The first round warms up.
      if (round >= 0) {
        (found[`${way} ${flying}`] ??= []).push(figure);
      }
    }
  }
}
for (const client of Object.values(clients)) {
  client.close();
}
console.log(JSON.stringify(found));
