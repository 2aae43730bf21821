// Asks a daemon with @grpc/grpc-js as anybody would, and prints what came as one line of JSON.
// node grpc_js.mjs NODE_MODULES ADDRESS REQUEST.bin MANY [CA.pem [CERTIFICATE.pem KEY.pem]]
import { createRequire } from "node:module";
import { readFileSync } from "node:fs";

const [modules, address, file, count, ca, certificate, key] = process.argv.slice(2);
const grpc = createRequire(`${modules}/`)("@grpc/grpc-js");
const read = (path) => (path ? readFileSync(path) : null);
const credentials = ca
  ? grpc.credentials.createSsl(read(ca), read(key), read(certificate))
  : grpc.credentials.createInsecure();
const bytes = (value) => value;
const method = (path, requestStream, responseStream) => ({
  path, requestStream, responseStream,
  requestSerialize: bytes, requestDeserialize: bytes, responseSerialize: bytes, responseDeserialize: bytes,
});
const Client = grpc.makeGenericClientConstructor({
  decide: method("/engine.v1.PolicyEngine/Decide", false, false),
  stream: method("/engine.v1.PolicyEngine/DecideStream", true, true),
  nothing: method("/engine.v1.PolicyEngine/Nothing", false, false),
  watch: method("/grpc.health.v1.Health/Watch", false, true),
}, "PolicyEngine");
const client = new Client(address, credentials, { "grpc.keepalive_time_ms": 1000 });
const request = read(file);
const soon = () => ({ deadline: Date.now() + 120000 });

const unary = (name, message, options = {}, metadata = new grpc.Metadata()) =>
  new Promise((done) => client[name](message, metadata, { ...soon(), ...options },
    (error, answer) => done(error ? { code: error.code, details: error.details, metadata: error.metadata } : { code: 0, answer })));

const streamed = (count, size) => new Promise((done) => {
  const call = client.stream(soon());
  let came = 0;
  call.on("data", () => { came += 1; if (came === count) call.end(); });
  call.on("error", (error) => done({ code: error.code, came }));
  call.on("status", (status) => done({ code: status.code, came }));
  for (let sent = 0; sent < count; sent += 1) call.write(size ? Buffer.concat([request, size]) : request);
});

const ended = (call) => new Promise((done) => {
  call.on("data", () => {});
  call.on("error", () => {});
  call.on("status", (status) => done(status.code));
});

const found = {};
const first = await unary("decide", request);
found.unary = first.code;
found.answer = first.answer?.length ?? 0;
const many = await Promise.all(Array.from({ length: Number(count) }, () => unary("decide", request)));
found.parallel = many.filter((one) => one.code === 0 && one.answer.length > 0).length;
found.bidi = await streamed(500);
found.unknown = (await unary("nothing", request)).code;
const wrong = await unary("decide", Buffer.alloc(0));
found.wrong = wrong.code;
found.details = wrong.metadata?.get("grpc-status-details-bin")?.[0]?.length ?? 0;
found.past = (await unary("decide", request, { deadline: Date.now() - 1000 })).code;
found.deadline = await ended(client.stream({ deadline: Date.now() + 150 }));
const cancelled = client.stream(soon());
const end = ended(cancelled);
cancelled.write(request);
cancelled.once("data", () => cancelled.cancel());
found.cancelled = await end;
const watching = client.watch(Buffer.alloc(0), soon());
const state = new Promise((done) => watching.once("data", done));
const over = ended(watching);
found.health = (await state)[1];
watching.cancel();
found.watch = await over;
const zipped = new Client(address, credentials, { "grpc.default_compression_algorithm": 2 });
found.gzip = await new Promise((done) => zipped.decide(request, new grpc.Metadata(), soon(), (error) => done(error?.code ?? 0)));
zipped.close();
const large = await unary("decide", Buffer.alloc((1 << 20) + 1));
found.large = large.code;
found.after = (await unary("decide", request)).code;
client.close();
console.log(JSON.stringify(found));
