"""Text to findings, scores and redacted text. Pure; knows nothing of policies."""
