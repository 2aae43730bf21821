"""What decoding raises where bytes are not the JSON that is asked for."""

from __future__ import annotations

import msgspec

NO_JSON = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
"""The last where lists or objects lie in each other by the thousand: who may write into the folder
of a trail may write that, and it must end nobody who reads."""
