"""What was decided, kept so that it cannot be lost or quietly changed."""
