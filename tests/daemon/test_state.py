"""Where the daemon keeps its state."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from engine.daemon.places import StartError
from engine.daemon.settings import Settings, Valkey
from engine.daemon.state import connector, open_state
from engine.state.clock import SteadyStore
from engine.state.leases import Leases
from engine.state.remote_store import RemoteStore
from tests.runtime.made import answer, load
from tests.service.bundle import SECRET


def test_it_is_kept_in_the_folder_or_in_memory(tmp_path: Path) -> None:
    for state in ("data", "memory"):
        store = open_state(Settings(state=state), tmp_path, SECRET)
        assert isinstance(store, SteadyStore)
        store.close()
    assert (tmp_path / "state").exists()


def test_what_cannot_be_counted_in_the_folder_can_be_counted_in_memory(tmp_path: Path) -> None:
    store = open_state(Settings(), tmp_path, SECRET)
    made = load(
        "policy p { default allow "
        "rule r { then throttle 2 requests per 1m by user.id on_state_failure local } }"
    )
    store.close()  # As a disk that is full: nothing can be taken any more.
    decisions = [answer(made, None, store) for _ in range(3)]
    assert [one.action for one in decisions] == ["allow", "allow", "throttle"]
    assert "was counted by one process alone" in decisions[0].degraded


def test_a_server_is_not_needed_to_start(tmp_path: Path) -> None:
    pytest.importorskip("redis")
    settings = Settings(state="valkey", valkey=Valkey(url="redis://127.0.0.1:1/0"))
    store = open_state(settings, tmp_path, SECRET)
    assert isinstance(store, RemoteStore)
    assert store.beside is None
    store.close()
    local = open_state(Settings(state="valkey", on_state_failure="local"), tmp_path, SECRET)
    assert isinstance(local, RemoteStore)
    assert local.beside is not None
    local.close()


def test_leases_and_certificates_are_chosen(tmp_path: Path) -> None:
    pytest.importorskip("redis")
    valkey = Valkey(url="rediss://127.0.0.1:1/0", leases=True, ca_file=str(tmp_path / "none.pem"))
    with pytest.raises(StartError, match=r"none\.pem"):
        open_state(Settings(state="valkey", valkey=valkey), tmp_path, SECRET)
    for given, why in (
        (Valkey(ca_file="ca.pem"), "`valkey.ca_file` is of TLS, and `valkey.url` does not begin"),
        (Valkey(url="rediss://h", key_file="k"), "belong together"),
    ):
        with pytest.raises(StartError, match=why):
            open_state(Settings(state="valkey", valkey=given), tmp_path, SECRET)
    leased = Settings(state="valkey", valkey=Valkey(leases=True))
    connect = connector(leased.valkey)
    assert isinstance(connect(), Leases)


def test_an_address_that_is_none_is_told(tmp_path: Path) -> None:
    pytest.importorskip("redis")
    settings = Settings(state="valkey", valkey=Valkey(url="http://127.0.0.1:6379"))
    with pytest.raises(StartError, match=r"`valkey.url` cannot be used: .*redis://"):
        open_state(settings, tmp_path, SECRET)


def test_a_client_that_is_missing_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [one for one in sys.modules if one.startswith("engine.state.valkey")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "redis", None)
    for name in [one for one in sys.modules if one.startswith("redis.")]:
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(StartError, match=r"pip install 'pol-engine\[valkey\]'"):
        open_state(Settings(state="valkey"), tmp_path, SECRET)
