"""Persons, places and what is said about them: no shape, so a tagger finds them, no pattern."""

from __future__ import annotations

from engine.content.detectors import Entity


def _tagged(name: str, doc: str) -> Entity:
    return Entity(name, doc, finder="tagger")


PEOPLE = (
    _tagged("pii.address", "A postal address: a street with its number, and what follows of it."),
    _tagged("pii.age", "How old someone is."),
    _tagged("pii.date", "A day, month or year, written in digits or words."),
    _tagged("pii.location", "A place by its name: a country, region, town or building."),
    _tagged("pii.nrp", "A nationality, or a religious or political group."),
    _tagged("pii.organization", "A company, authority, school or other organisation by its name."),
    _tagged("pii.person", "The name of a person, or a part of it; the title before it is another."),
    _tagged("pii.title", "The title or form of address before a person's name."),
)
