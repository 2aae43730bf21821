from __future__ import annotations

import os
from pathlib import Path

import pytest

from engine.daemon.notify_file import NotifyError, read_notify
from engine.service.notify import EVENTS, SECOND
from engine.sinks.notify_post import Address
from engine.sinks.notify_slack import Slack
from engine.sinks.notify_smtp import Mail
from engine.sinks.notify_webhook import Webhook

HOOK = 'name = "a"\nkind = "webhook"\nurl = "https://h/"\n'
MAIL = 'name = "m"\nkind = "smtp"\nhost = "h"\nsender = "e@x.org"\nto = ["a@x.org"]\n'


def written(folder: Path, text: str) -> Path:
    path = folder / "notify.toml"
    path.write_text(text)
    return path


def test_sinks_are_told_all_there_is_unless_they_say_otherwise(tmp_path: Path) -> None:
    ((post, way),) = read_notify(written(tmp_path, f"[[sink]]\n{HOOK}"))
    assert (post.name, sorted(post.events), post.least) == ("a", sorted(EVENTS), "")
    assert not post.queues
    assert (post.due, post.give_up, post.link) == (600 * SECOND, 86_400 * SECOND, "")
    assert isinstance(way, Webhook)
    assert (way.address, way.key, way.timeout) == (
        Address(secure=True, host="h", port=443, target="/"),
        b"",
        10.0,
    )


def test_secrets_lie_in_files_beside_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "key").write_text("k3y\n")
    (tmp_path / "hook").write_text("http://slack.example/secret\n")
    monkeypatch.setenv("MAIL_PASSWORD", "pw")
    text = (
        f'[[sink]]\n{HOOK}key = "file:key"\nevents = ["due"]\nqueues = ["q"]\nseverity = "high"\n'
        '[[sink]]\nname = "s"\nkind = "slack"\nurl = "file:hook"\n'
        f'[[sink]]\n{MAIL}user = "u"\npassword = "env:MAIL_PASSWORD"\ntls = "tls"\n'
    )
    hook, slack, mail = read_notify(written(tmp_path, text))
    assert isinstance(hook[1], Webhook)
    assert hook[1].key == b"k3y"
    assert (hook[0].events, hook[0].queues, hook[0].least) == (
        frozenset({"due"}),
        frozenset({"q"}),
        "high",
    )
    assert isinstance(slack[1], Slack)
    assert slack[1].address == Address(
        secure=False, host="slack.example", port=80, target="/secret"
    )
    assert isinstance(mail[1], Mail)
    assert (mail[1].password, mail[1].port) == ("pw", 465)


@pytest.mark.parametrize(("tls", "port"), [("starttls", 587), ("none", 25)])
def test_mail_goes_to_the_port_of_its_manner(tmp_path: Path, tls: str, port: int) -> None:
    ((_, way),) = read_notify(written(tmp_path, f'[[sink]]\n{MAIL}tls = "{tls}"\n'))
    assert isinstance(way, Mail)
    assert (way.port, way.to) == (port, ("a@x.org",))


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("sink = ", "is not valid TOML"),
        ("sink = " + "[" * 100_000, "is not valid TOML"),
        ("sink = " + "1" * 5_000, "is not valid TOML"),
        ("", "missing required field `sink`"),
        (f"[[sink]]\n{HOOK}colour = 1", "unknown field `colour`"),
        (f'[[sink]]\n{HOOK}events = ["opend"]', "Invalid enum value 'opend'"),
        (f"[[sink]]\n{HOOK}[[sink]]\n{HOOK}", "two sinks have the same `name`"),
        ("".join(f"[[sink]]\n{HOOK}".replace('"a"', f'"a{n}"') for n in range(33)), "33 sinks"),
        (f"[[sink]]\n{HOOK}".replace("https://h/", "gopher://h"), "a: the `url` begins with"),
        (f'[[sink]]\n{HOOK}key = "hunter2"', "a secret is not written here"),
        (f'[[sink]]\n{HOOK}key = "file:gone"', "No such file"),
        (f'[[sink]]\n{HOOK}ca_file = "gone.pem"', "TLS files cannot be read"),
        (f"[[sink]]\n{MAIL}".replace('host = "h"', ""), "mail needs `host`"),
        (f"[[sink]]\n{MAIL}".replace("a@x.org", "a@x.org, b@x.org"), "are addresses such as"),
        (f'[[sink]]\n{MAIL}user = "u"', "belong together"),
        (
            f'[[sink]]\n{MAIL}user = "u"\npassword = "file:pw"\ntls = "none"',
            "a password is sent over TLS only",
        ),
        (f'[[sink]]\n{MAIL}user = "ü"\npassword = "file:pw"', "in ASCII only"),
    ],
)
def test_what_is_wrong_is_said_without_secrets(tmp_path: Path, text: str, why: str) -> None:
    (tmp_path / "pw").write_text("x")
    with pytest.raises(NotifyError) as found:
        read_notify(written(tmp_path, text))
    assert why in str(found.value)
    assert "hunter2" not in str(found.value)


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(NotifyError, match=r"cannot read .*gone\.toml: No such file"):
        read_notify(tmp_path / "gone.toml")
    os.mkfifo(tmp_path / "pipe.toml")
    with pytest.raises(NotifyError, match=r"cannot read .*pipe\.toml: it is no regular file"):
        read_notify(tmp_path / "pipe.toml")
