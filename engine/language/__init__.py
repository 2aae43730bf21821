"""The Pol language: policy text in, a checked and compiled program out. Pure; no clock, no files, no network."""
