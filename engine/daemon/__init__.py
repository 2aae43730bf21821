"""The running daemon: configuration, metrics, logs, listeners; assembles everything once."""
