"""The life of a connection: how it begins and ends."""

from __future__ import annotations

from typing import Any

import pytest

from tests.doors.http2.peers import Client, Wire

pytestmark = pytest.mark.usefixtures("loop")


class Agreed:
    """A handshake of TLS that is over."""

    def __init__(self, protocol: str | None) -> None:
        self.protocol = protocol

    def selected_alpn_protocol(self) -> str | None:
        return self.protocol


class Secured(Wire):
    """A transport over TLS."""

    def __init__(self, protocol: str | None) -> None:
        super().__init__()
        self.agreed = Agreed(protocol)

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return self.agreed if name == "ssl_object" else default


@pytest.mark.parametrize(("protocol", "stays"), [("h2", True), ("http/1.1", False), (None, False)])
def test_3_2_a_client_that_did_not_agree_on_http_2_is_sent_away(
    protocol: str | None,
    stays: bool,  # noqa: FBT001
) -> None:
    client = Client(greet=False)
    wire = Secured(protocol)
    client.connection.connection_made(wire)
    assert wire.aborted is not stays
    assert bool(wire.written) is stays
