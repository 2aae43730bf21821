"""Calls of a daemon over HTTP/2 of our own: a fraction of what grpcio costs its caller."""
