"""The detectors of personal data (``pii.*``) and health data (``phi.*``), from their modules."""

from __future__ import annotations

from engine.content.births import BIRTHS
from engine.content.contact import CONTACT
from engine.content.devices import DEVICES
from engine.content.documents import DOCUMENTS
from engine.content.financial import FINANCIAL
from engine.content.medical import MEDICAL
from engine.content.places import PLACES
from engine.content.vehicles import VEHICLES

PERSONAL = (*CONTACT, *FINANCIAL, *DEVICES, *DOCUMENTS, *MEDICAL, *VEHICLES, *PLACES, *BIRTHS)
