"""HTTP/2 for servers (RFC 9113, RFC 7541): bytes of a connection in, streams out, and back."""
