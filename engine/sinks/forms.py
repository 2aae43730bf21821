"""The forms of a record by name, and a record in a form as a line."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from engine.sinks.forms_cloudevents import cloudevents_form
from engine.sinks.forms_ocsf import ocsf_form
from engine.sinks.forms_opa import opa_form
from engine.sinks.forms_table import row_of
from engine.sinks.forms_taken import Form, Taken, encode


def json_form(taken: Taken) -> dict[str, object]:
    """Return the record's own fields."""
    return dict(taken.fields)


def table_form(taken: Taken) -> dict[str, object]:
    """Return the row of the table; times as RFC 3339, what is absent left out."""
    return {
        name: value.isoformat() if isinstance(value, datetime) else value
        for name, value in row_of(taken).items()
        if value is not None
    }


FORMS: Mapping[str, Form] = {
    "json": json_form,
    "ocsf": ocsf_form,
    "opa": opa_form,
    "cloudevents": cloudevents_form,
    "table": table_form,
}


def line(form: str, taken: Taken) -> bytes:
    """Return *taken* in the form named *form* as JSON without a line's end.

    As ``json`` it is the record's own bytes: their hash is the one that the trail has chained. What
    is unreadable is then a JSON text of its bytes, so that a line stays a line.
    """
    if form == "json":
        return taken.payload if taken.fields else encode(taken.payload.decode(errors="replace"))
    try:
        return encode(FORMS[form](taken))
    except RecursionError:
        return encode(FORMS[form](taken.unread))
