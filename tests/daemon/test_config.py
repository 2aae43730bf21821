from __future__ import annotations

from pathlib import Path

import pytest

from engine.daemon.config import (
    MOST_BYTES,
    OPTIONS,
    SECTIONS,
    load_settings,
    render_settings,
    value_of,
)
from engine.daemon.options import (
    Address,
    ConfigError,
    Given,
    Option,
    convert_value,
    parse_address,
    wanted,
)
from engine.daemon.settings import Settings, Valkey

ADDRESS = 'an address such as "127.0.0.1:50051", or "" for none'


def write(folder: Path, text: str) -> Path:
    path = folder / "engine.toml"
    path.write_text(text)
    return path


def problems(file: Path | None, environment: dict[str, str], flags: dict[str, str]) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        load_settings(file, environment, flags)
    return str(caught.value).splitlines()


def test_without_anything_the_defaults_hold() -> None:
    assert load_settings(None, {}, {}) == Settings()


def test_file_environment_and_flags_outrank_each_other_in_this_order(tmp_path: Path) -> None:
    file = write(tmp_path, "drain_seconds = 1\n[log]\nlevel = 'debug'\nformat = 'json'\n")
    environment = {"ENGINE_LOG_LEVEL": "warning", "ENGINE_DRAIN_SECONDS": "2", "HOME": "/"}
    settings = load_settings(file, environment, {"drain_seconds": "3"})
    assert (settings.log.format, settings.log.level, settings.drain_seconds) == (
        "json",
        "warning",
        3,
    )


@pytest.mark.parametrize(
    ("text", "value"),
    [("true", True), ("YES", True), ("1", True), ("false", False), ("no", False), ("0", False)],
)
def test_truth_values_in_variables_are_words(text: str, value: bool) -> None:  # noqa: FBT001
    assert load_settings(None, {"ENGINE_RELOAD_WATCH": text}, {}).reload.watch is value


def test_numbers_in_variables_may_be_grouped() -> None:
    settings = load_settings(None, {"ENGINE_LIMITS_CONTENT_CHARACTERS": "2_000_000"}, {})
    assert settings.limits.content_characters == 2_000_000


def test_relative_paths_of_a_file_are_relative_to_it(tmp_path: Path) -> None:
    file = write(tmp_path, "policies = 'p'\ndata = '/d'\n[grpc]\nsocket = ''\n")
    settings = load_settings(file, {"ENGINE_CACHE": "c"}, {})
    assert (settings.policies, settings.data) == (str(tmp_path / "p"), "/d")
    assert (settings.cache, settings.grpc.socket) == ("c", "")


def test_every_problem_is_told_at_once_with_its_place(tmp_path: Path) -> None:
    file = write(
        tmp_path,
        "drain_secnds = 3\n"
        "[grpc]\n"
        "listen = 'here'\n"
        '"reflektion" = true\n'
        "[limits]\n"
        "message_bytes = 1\n"
        "[metrix]\n"
        "x = 1\n",
    )
    environment = {"ENGINE_GRPC_LSITEN": "x", "ENGINE_RELOAD_WATCH": "maybe"}
    assert problems(file, environment, {"log.levl": "info", "zzz": "1"}) == [
        f"{file}:1: unknown setting `drain_secnds`; did you mean `drain_seconds`?",
        f"{file}:4: unknown setting `grpc.reflektion`; did you mean `grpc.reflection`?",
        f"{file}:7: unknown setting `metrix`; `engine serve --print-config` lists all",
        "ENGINE_GRPC_LSITEN: unknown setting; did you mean `ENGINE_GRPC_LISTEN`?",
        "--set log.levl: unknown setting `log.levl`; did you mean `log.level`?",
        "--set zzz: unknown setting `zzz`; `engine serve --print-config` lists all",
        f'{file}:3: `grpc.listen` must be {ADDRESS}, not "here"',
        f"{file}:6: `limits.message_bytes` must be a whole number from 1024 to 268435456, not 1",
        'ENGINE_RELOAD_WATCH: `reload.watch` must be true or false, not "maybe"',
    ]


def test_a_setting_in_an_inline_table_is_told_without_a_line(tmp_path: Path) -> None:
    file = write(tmp_path, "log = { level = 'loud' }\n")
    (problem,) = problems(file, {}, {})
    assert problem.startswith(f"{file}: `log.level` must be one of ")


def test_a_section_that_is_no_table_is_told(tmp_path: Path) -> None:
    file = write(tmp_path, "log = 'loud'\n")
    assert problems(file, {}, {}) == [
        f"{file}:1: unknown setting `log`; `engine serve --print-config` lists all"
    ]


def test_a_key_of_another_section_is_suggested(tmp_path: Path) -> None:
    file = write(tmp_path, "debounce = 100\n")
    assert "did you mean `reload.debounce_ms`?" in problems(file, {}, {})[0]


def test_a_password_is_not_shown() -> None:
    url = "redis://engine:s3cret@10.0.0.5:6379/0"
    text = render_settings(Settings(valkey=Valkey(url=url)))
    assert 'url = "redis://engine:***@10.0.0.5:6379/0"' in text
    assert "s3cret" not in text


def test_variables_of_others_are_left_alone() -> None:
    environment = {"ENGINE_SERVICE_HOST": "10.0.0.1", "ENGINE_PORT": "tcp://10.0.0.1:50051"}
    assert load_settings(None, environment, {}) == Settings()


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"a = [", "not valid TOML"),
        (b"a = " + b"[" * 100_000, "not valid TOML"),
        (b"a = " + b"1" * 5_000, "not valid TOML"),
        (b"a = '\xff'", "cannot be read"),
        (None, "no such file"),
        (b"#" * (MOST_BYTES + 1), "it has more than 1,048,576 bytes"),
    ],
)
def test_a_file_that_cannot_be_used_is_named(tmp_path: Path, data: bytes | None, told: str) -> None:
    file = tmp_path / "engine.toml"
    if data is not None:
        file.write_bytes(data)
    (problem,) = problems(file, {}, {})
    assert problem.startswith(f"{file}: {told}")


def test_what_is_printed_can_be_read_again(tmp_path: Path) -> None:
    chosen = load_settings(
        None, {}, {"policies": 'a "b" ä', "grpc.listen": "", "log.level": "error"}
    )
    text = render_settings(chosen)
    again = load_settings(write(tmp_path, text.replace('"a ', '"/a ')), {}, {})
    assert again.log == chosen.log
    assert again.grpc.listen == ""
    assert again.policies == '/a "b" ä'
    assert again.limits == chosen.limits


def test_every_setting_has_a_meaning_a_default_and_a_variable() -> None:
    text = render_settings(Settings())
    for name, option in OPTIONS.items():
        assert option.doc.endswith("."), name
        assert option.variable in text.replace("\n# ", " ")
        assert value_of(Settings(), name) == option.default
    sections = {
        "grpc",
        "grpc.tls",
        "grpc.limits",
        "metrics",
        "log",
        "limits",
        "record",
        "reload",
        "valkey",
        "audit",
        "reviews",
    }
    assert sections == SECTIONS


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("127.0.0.1:50051", Address("127.0.0.1", 50051)),
        ("[::1]:0", Address("::1", 0)),
        ("host.example:65535", Address("host.example", 65535)),
        ("::1:80", None),
        ("host", None),
        ("host:", None),
        (":80", None),
        ("host:65536", None),
        ("host:-1", None),
        ("host:8٣", None),
    ],
)
def test_an_address_is_a_host_and_a_port(text: str, address: Address | None) -> None:
    assert parse_address(text) == address
    if address is not None:
        assert str(address) == text


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("policies", 7, "a string"),
        ("policies", "a\0b", "a string"),
        ("drain_seconds", True, "a whole number from 0 to 3600"),
        ("drain_seconds", 1.5, "a whole number"),
        ("drain_seconds", -1, "a whole number"),
        ("reload.watch", "true", "true or false"),
        ("log.level", 3, 'one of "debug", "error", "info", "warning"'),
    ],
)
def test_a_wrong_value_in_a_file_is_told_what_it_must_be(
    name: str, value: object, words: str
) -> None:
    option: Option = OPTIONS[name]
    assert wanted(option).startswith(words)
    with pytest.raises(ConfigError, match=f"place: `{name}` must be"):
        convert_value(option, Given(value, "place", text=False))


@pytest.mark.parametrize("text", ["", "x", "1.5", "-1", "٣", "9999999999"])
def test_a_number_in_a_variable_is_digits_within_its_range(text: str) -> None:
    with pytest.raises(ConfigError, match="whole number"):
        convert_value(OPTIONS["drain_seconds"], Given(text, "place", text=True))


def test_a_section_may_be_inside_another(tmp_path: Path) -> None:
    text = "[grpc]\nsocket = 's'\n[grpc.tls]\ncertificate_file = 'c'\nkey_file = 'k'\n"
    tls = load_settings(write(tmp_path, text), {"ENGINE_GRPC_TLS_CLIENT_CA_FILE": "r"}, {}).grpc.tls
    assert (tls.certificate_file, tls.key_file) == (str(tmp_path / "c"), str(tmp_path / "k"))
    assert tls.client_ca_file == "r"
    file = write(tmp_path, "[grpc.tls]\ncert_file = 'c'\n")
    (line,) = problems(file, {}, {})
    assert line.startswith(f"{file}:2: unknown setting `grpc.tls.cert_file`; did you mean")


@pytest.mark.parametrize(
    "flags",
    [
        {"grpc.tls.certificate_file": "c"},
        {"grpc.tls.key_file": "k"},
        {"grpc.tls.client_ca_file": "r"},
    ],
)
def test_a_certificate_and_its_key_belong_together(flags: dict[str, str]) -> None:
    (line,) = problems(None, {}, flags)
    assert line == (
        "`grpc.tls` needs both a certificate and its key: set grpc.tls.certificate_file and "
        "grpc.tls.key_file"
    )


def test_names_of_callers_need_an_authority() -> None:
    files = {"grpc.tls.certificate_file": "c", "grpc.tls.key_file": "k"}
    (line,) = problems(None, {}, {**files, "grpc.tls.client_names": "a.example"})
    assert line.endswith("and none is asked for: set grpc.tls.client_ca_file")


def test_tls_needs_a_port() -> None:
    flags = {"grpc.tls.certificate_file": "c", "grpc.tls.key_file": "k", "grpc.listen": ""}
    assert problems(None, {}, flags) == [
        "`grpc.tls` secures the port of `grpc.listen`, and there is none"
    ]


def test_polling_is_for_the_lean_server() -> None:
    flags = {"grpc.busy_poll_microseconds": "50", "grpc.transport": "grpcio"}
    (line,) = problems(None, {}, flags)
    assert line == (
        "`grpc.busy_poll_microseconds` is for the lean server: set grpc.transport to `lean`, "
        "or leave it at 0"
    )
    assert load_settings(None, {}, {**flags, "grpc.transport": "lean"})
