"""A model server for this example: it counts rude words. Over gRPC, or with ``--http`` over HTTP.

    python policies/examples/classifier/server.py                  # grpc://127.0.0.1:9100
    python policies/examples/classifier/server.py --http           # http://127.0.0.1:9100/toxicity
    python policies/examples/classifier/server.py --port 0         # a free port, which it prints

The contract is ``grammar/classifier.proto``: some texts come in, one score from 0 to 1 for each
goes out, in their order. Put a real model where ``score`` is. The engine gathers texts of different
requests into one call, so a model that is faster on batches pays off.
"""

from __future__ import annotations

import argparse
import json
import re
import signal
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import grpc

from engine.wire import classifier_pb2 as wire  # elsewhere: run protoc on the contract

RUDE = {"idiot": 0.5, "moron": 0.5, "stupid": 0.3, "shut": 0.1, "hate": 0.2, "worthless": 0.4}


def score(text: str) -> float:
    """Return how rude *text* is: the sum of its rude words' weights, 1 at the most."""
    return min(1.0, sum(RUDE.get(word, 0.0) for word in re.findall(r"\w+", text.casefold())))


def classify(request: wire.ClassifyRequest, _context: object) -> wire.ClassifyResponse:
    """Answer a call over gRPC."""
    return wire.ClassifyResponse(scores=[score(text) for text in request.texts])


class Handler(BaseHTTPRequestHandler):
    """Answers calls over HTTP."""

    protocol_version = "HTTP/1.1"  # the engine keeps its connections
    disable_nagle_algorithm = True

    def do_POST(self) -> None:
        """Answer a call."""
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        body = json.dumps({"scores": [score(text) for text in asked["texts"]]}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Log nothing: what users write passes here."""


def serve_grpc(port: int) -> None:
    """Serve over gRPC until stopped."""
    server = grpc.server(ThreadPoolExecutor(4))
    method = grpc.unary_unary_rpc_method_handler(
        classify, wire.ClassifyRequest.FromString, wire.ClassifyResponse.SerializeToString
    )
    handlers = grpc.method_handlers_generic_handler(
        "engine.classifier.v1.Classifier", {"Classify": method}
    )
    server.add_generic_rpc_handlers((handlers,))
    port = server.add_insecure_port(f"127.0.0.1:{port}")
    server.start()
    print(f"grpc://127.0.0.1:{port}", flush=True)
    server.wait_for_termination()


def serve_http(port: int) -> None:
    """Serve over HTTP until stopped."""
    with ThreadingHTTPServer(("127.0.0.1", port), Handler) as server:
        print(f"http://127.0.0.1:{server.server_port}/toxicity", flush=True)
        server.serve_forever()


def main() -> None:
    """Serve as the command line says."""
    parser = argparse.ArgumentParser(description="a model server that counts rude words")
    parser.add_argument("--http", action="store_true", help="HTTP instead of gRPC")
    parser.add_argument("--port", type=int, default=9100, help="0: a free one")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    (serve_http if options.http else serve_grpc)(options.port)


if __name__ == "__main__":
    main()
