"""Generated protocol messages; only the gRPC doors and the clients touch them."""
