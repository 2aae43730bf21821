"""The providers' secrets of all families, as detectors."""

from __future__ import annotations

from engine.content.secrets_chat import CHAT
from engine.content.secrets_clouds import CLOUDS
from engine.content.secrets_code import CODE
from engine.content.secrets_data import DATA
from engine.content.secrets_models import MODELS
from engine.content.secrets_money import MONEY
from engine.content.secrets_shapes import entities
from engine.content.secrets_watch import WATCH

PROVIDED = entities((*CLOUDS, *CODE, *CHAT, *MONEY, *MODELS, *WATCH, *DATA))
"""Entities of providers, one a provider."""
