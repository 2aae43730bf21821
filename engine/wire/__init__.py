"""Generated protocol messages; only the gRPC doors, classifiers and clients touch them."""
