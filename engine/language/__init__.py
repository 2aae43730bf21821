"""The Pol language: policy text in, a checked and compiled program out; pure."""
