"""Detectors of secrets (``secret.*``): provider keys, private keys, tokens, passwords."""

from __future__ import annotations

from engine.content.detectors import Entity, Pattern, alone

_apart = alone()

GITHUB = Entity(
    "secret.github",
    "A GitHub token: personal, fine-grained, OAuth, app or refresh.",
    (
        Pattern(
            r"gh[pousr]_[A-Za-z0-9]{36,255}|github_pat_[A-Za-z0-9_]{22,255}",
            0.95,
            keywords=("ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_"),
            guard=_apart,
        ),
    ),
)

CREDENTIALS = (GITHUB,)
