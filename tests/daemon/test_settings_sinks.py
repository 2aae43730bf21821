"""Tables of sinks: what they may say, and one clear sentence for what they may not."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from engine.daemon.config import load_settings, render_settings
from engine.daemon.options import ConfigError
from engine.daemon.settings_sinks import (
    KINDS,
    File,
    Http,
    SinksError,
    kind_of,
    read_sinks,
    render_sinks,
)

WHOLE: dict[str, dict[str, object]] = {
    "file": {"folder": "copy"},
    "s3": {"url": "s3://bucket/prefix"},
    "kafka": {"servers": ["one:9092"], "topic": "audit"},
    "nats": {"servers": ["nats://one:4222"], "subject": "audit"},
    "otlp": {"url": "https://collector:4318/v1/logs"},
    "http": {"url": "https://opa/logs"},
}


def table(kind: str, **more: object) -> dict[str, object]:
    return {"kind": kind, "name": kind, **WHOLE[kind], **more}


def refused(*tables: object) -> str:
    with pytest.raises(SinksError) as caught:
        read_sinks(list(tables))
    return str(caught.value)


def test_every_kind_can_be_said_and_comes_back_as_it_is_shown(tmp_path: Path) -> None:
    assert set(WHOLE) == set(KINDS)
    found = read_sinks([table(kind) for kind in WHOLE])
    assert [kind_of(one) for one in found] == list(WHOLE)
    file = tmp_path / "engine.toml"
    file.write_text('[audit]\nfolder = "audit"\n' + render_sinks(found))
    loaded = load_settings(file, {}, {})
    again = tmp_path / "again.toml"
    again.write_text(render_settings(loaded))
    assert load_settings(again, {}, {}).audit.sinks == loaded.audit.sinks


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ("no table", "sink 1: must be a table"),
        ({"name": "x"}, 'sink `x`: `kind` must be one of "file", "s3"'),
        ({"kind": "htp"}, "sink 1: `kind` must be one of"),
        (table("file", foldr="x"), "unknown key `foldr`; did you mean `folder`?"),
        (table("file", zzzzzz="x"), "unknown key `zzzzzz`; known are name, "),
        (table("file", batch_records=0), "Expected `int` >= 1 - at `batch_records`"),
        (table("file", name="No Good"), "matching regex"),
        ({"kind": "file", "name": "x"}, "missing required field `folder`"),
        (table("http", token="abc"), "`token` must say where the secret is: file:PATH or env:NAME"),
        (table("http", token="file:"), "`token` must say where the secret is"),
        (table("http", url="ftp://x"), "`url` must begin with http:// or https://"),
        (table("http", url="http://[x"), "`url` is none"),
        (table("http", url="https://a:b@c"), "`url` must not hold a user or a password"),
        (table("s3", url="gs://bucket"), "`lock` can only be verified for s3://"),
        (table("s3", key_id=""), "`lock` is verified with `key_id` and `secret`"),
        (table("file", retry_most_seconds=0.1), "`retry_most_seconds` is less than"),
    ],
)
def test_what_cannot_be_is_named(given: object, why: str) -> None:
    assert why in refused(given)


def test_all_problems_are_told_at_once_and_names_are_unique() -> None:
    text = refused(table("file", name="a"), table("file", name="a"), {"kind": "no"})
    assert text.splitlines() == [
        "sink 3: `kind` must be one of " + ", ".join(f'"{one}"' for one in KINDS),
        "sink `a`: 2 sinks have this name",
    ]
    with pytest.raises(SinksError, match=r"\[\[audit.sinks\]\]"):
        read_sinks({"kind": "file"})


def test_paths_are_relative_to_the_file_and_secrets_are_not_shown(tmp_path: Path) -> None:
    file = tmp_path / "engine.toml"
    file.write_text(
        '[audit]\nfolder = "audit"\n[[audit.sinks]]\nkind = "file"\nname = "a"\nfolder = "copy"\n'
        '[[audit.sinks]]\nkind = "http"\nname = "b"\nurl = "https://x"\ntoken = "file:t"\n'
        'ca_file = "/etc/ca"\nusername = "env:U"\n'
    )
    copy, web = load_settings(file, {}, {}).audit.sinks
    assert isinstance(copy, File)
    assert copy.folder == str(tmp_path / "copy")
    assert isinstance(web, Http)
    assert (web.token, web.ca_file, web.username) == (f"file:{tmp_path}/t", "/etc/ca", "env:U")


def test_sinks_can_be_a_variable_or_a_flag() -> None:
    text = msgspec.json.encode([table("file")]).decode()
    flags = {"audit.folder": "audit"}
    assert load_settings(None, {"ENGINE_AUDIT_SINKS": text}, flags).audit.sinks
    assert load_settings(None, {}, flags | {"audit.sinks": text}).audit.sinks
    with pytest.raises(ConfigError, match=r"--set audit.sinks: `audit.sinks` must be a JSON array"):
        load_settings(None, {}, {"audit.sinks": "x"})
    with pytest.raises(ConfigError, match=r"--set audit.sinks: sink 1: `kind` must be one of"):
        load_settings(None, {}, {"audit.sinks": "[{}]"})


def test_a_file_says_where_a_sink_is_wrong(tmp_path: Path) -> None:
    file = tmp_path / "engine.toml"
    file.write_text("[audit]\nsinks = 3\n")
    with pytest.raises(ConfigError, match=r"engine.toml:2: `audit.sinks` must be an array"):
        load_settings(file, {}, {})
    file.write_text("[audit]\nsinks = [3]\n")
    with pytest.raises(ConfigError, match=r"engine.toml:2: sink 1: must be a table"):
        load_settings(file, {}, {})


def test_without_a_trail_there_is_nothing_to_ship() -> None:
    text = msgspec.json.encode([table("file")]).decode()
    with pytest.raises(ConfigError, match=r"there is none: set audit.folder"):
        load_settings(None, {}, {"audit.sinks": text, "audit.folder": ""})
    flags = {"audit.sinks": text, "audit.folder": "audit", "state": "memory"}
    with pytest.raises(ConfigError, match="nothing is kept while"):
        load_settings(None, {}, flags)
