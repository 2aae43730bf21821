"""Doors: how callers come in. They never import each other and call only the service."""
