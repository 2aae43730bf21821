from __future__ import annotations

import hashlib
import hmac
import json
import ssl
from pathlib import Path

import msgspec
import pytest

from engine.sinks.notice import Notice, NotSent, lines_of, link_to, moment, subject_of
from engine.sinks.notify_post import NoAddress, read_address
from engine.sinks.notify_slack import Slack
from engine.sinks.notify_smtp import MOST_PARTLY, Mail, Tls
from engine.sinks.notify_webhook import Webhook
from tests.ports import free_port
from tests.sinks.listening import mail_server, self_signed, web_server

NOTICE = Notice(
    id="9f86.1.opened",
    event="opened",
    time="2026-01-02T03:04:05.000000Z",
    review_id="9f86",
    tenant="north",
    queue="treasury",
    severity="high",
    rules=("payments.large",),
    state="open",
    otherwise="deny",
    expires_at="2026-01-02T05:04:05Z",
    link="https://console.example/9f86",
)
PLAIN = ssl.create_default_context()


def hook(
    url: str, key: bytes = b"k", context: ssl.SSLContext = PLAIN, seconds: float = 60.0
) -> Webhook:
    return Webhook(read_address(url), key, seconds, context, lambda: 1_700_000_000.9)


def test_a_webhook_takes_signed_json() -> None:
    with web_server() as web:
        hook(f"http://127.0.0.1:{web.port}/hooks?team=7").send(NOTICE)
        (heard,) = web.until(1)
    assert heard.path == "/hooks?team=7"
    assert msgspec.json.decode(heard.body, type=Notice) == NOTICE
    assert heard.headers["Pol-Timestamp"] == "1700000000"
    assert heard.headers["Pol-Notice"] == "9f86.1.opened"
    made = hmac.new(b"k", b"1700000000." + heard.body, hashlib.sha256).hexdigest()
    assert heard.headers["Pol-Signature"] == f"v1={made}"


def test_a_webhook_without_a_key_is_not_signed() -> None:
    with web_server() as web:
        hook(f"http://127.0.0.1:{web.port}", b"").send(NOTICE)
        (heard,) = web.until(1)
    assert (heard.path, "Pol-Signature" in heard.headers) == ("/", False)


@pytest.mark.parametrize(
    ("status", "why"),
    [(500, "it answers 500"), (404, "it answers 404"), (302, "redirects are not followed")],
)
def test_what_a_webhook_does_not_take_is_not_sent(status: int, why: str) -> None:
    with web_server() as web:
        web.answers = [status]
        with pytest.raises(NotSent, match=why):
            hook(f"http://127.0.0.1:{web.port}").send(NOTICE)
        assert len(web.until(1)) == 1


def test_a_webhook_that_is_away_is_told() -> None:
    with pytest.raises(NotSent, match="refused"):
        hook(f"http://127.0.0.1:{free_port()}").send(NOTICE)


def test_what_answers_no_http_is_told() -> None:
    with mail_server(None) as mail, pytest.raises(NotSent, match="no HTTP"):
        hook(f"http://127.0.0.1:{mail.port}").send(NOTICE)


def test_whom_nobody_vouches_for_is_sent_nothing(tmp_path: Path) -> None:
    tls, chain = self_signed(tmp_path)
    with web_server(tls=tls) as web:
        url = f"https://127.0.0.1:{web.port}/"
        with pytest.raises(NotSent, match="TLS"):
            hook(url).send(NOTICE)
        hook(url, context=ssl.create_default_context(cafile=chain)).send(NOTICE)
        assert len(web.until(1)) == 1


@pytest.mark.parametrize(
    "url",
    [
        "ftp://host/",
        "file:///etc/passwd",
        "https:///path",
        "https://user:hunter2@host/",
        "https://user@host/",
        "https://host/a b",
        "https://host/\nx",
        "https://höst/",
        "https://host:99999/",
        "https://[host/",
        "no url",
    ],
)
def test_what_cannot_be_posted_to_is_refused_without_repeating_it(url: str) -> None:
    with pytest.raises(NoAddress) as found:
        read_address(url)
    assert "hunter2" not in str(found.value)


def test_ports_follow_the_scheme() -> None:
    assert (read_address("https://h/x").port, read_address("http://h").port) == (443, 80)


def test_slack_takes_a_text_in_which_nothing_is_a_mention() -> None:
    evil = msgspec.structs.replace(NOTICE, queue="<!channel> & co", tenant="a\nb")
    with web_server() as web:
        Slack(read_address(f"http://127.0.0.1:{web.port}"), 5.0, PLAIN).send(evil)
        (heard,) = web.until(1)
    text = json.loads(heard.body)["text"]
    assert text.splitlines() == [
        "high review in &lt;!channel&gt; &amp; co waits for a reviewer",
        "review 9f86, tenant a b",
        "because of payments.large",
        "until 2026-01-02T05:04:05Z, then deny",
        "https://console.example/9f86",
    ]


def mail(port: int, tls: Tls, context: ssl.SSLContext = PLAIN, password: str = "s3cret") -> Mail:  # noqa: S107
    return Mail(
        host="127.0.0.1",
        port=port,
        tls=tls,
        user="" if tls == "none" else "engine",
        password=password,
        sender="engine@example.com",
        to=("ann@example.com", "bob@example.com"),
        timeout=60.0,
        context=context,
    )


def test_mail_is_sent_without_tls_where_that_was_chosen() -> None:
    with mail_server(None) as box:
        mail(box.port, "none").send(NOTICE)
    (made,) = box.mails
    assert made["Subject"] == "high review in treasury waits for a reviewer"
    assert (made["From"], made["To"]) == (
        "engine@example.com",
        "ann@example.com, bob@example.com",
    )
    assert made["Message-ID"] == "<9f86.1.opened@pol-engine.invalid>"
    assert made["Date"] == "Fri, 02 Jan 2026 03:04:05 +0000"
    assert "https://console.example/9f86" in made.get_content()


def test_a_name_cannot_add_a_header() -> None:
    evil = msgspec.structs.replace(NOTICE, queue="a\r\nBcc: eve@example.com")
    with mail_server(None) as box:
        mail(box.port, "none").send(evil)
    assert box.mails[0]["Bcc"] is None
    assert "Bcc: eve" in box.mails[0]["Subject"]


@pytest.mark.parametrize("tls", ["starttls", "tls"])
def test_mail_goes_over_tls_with_a_login(tmp_path: Path, tls: Tls) -> None:
    server, chain = self_signed(tmp_path)
    trusting = ssl.create_default_context(cafile=chain)
    with mail_server(server, wrapped=tls == "tls", login=True) as box:
        mail(box.port, tls, trusting).send(NOTICE)
        with pytest.raises(NotSent, match="answers 535"):
            mail(box.port, tls, trusting, "wrong").send(NOTICE)
        with pytest.raises(NotSent, match="login cannot be made"):
            mail(box.port, tls, trusting, "Größe").send(NOTICE)
        with pytest.raises(NotSent, match="TLS"):
            mail(box.port, tls).send(NOTICE)
    assert (len(box.mails), set(box.logins)) == (1, {"engine"})


def test_a_server_without_tls_gets_no_password() -> None:
    with mail_server(None, login=False) as box, pytest.raises(NotSent, match="NotSupported"):
        mail(box.port, "starttls").send(NOTICE)
    assert (box.mails, box.logins) == ([], [])


def test_what_a_mail_server_refuses_is_not_sent() -> None:
    with mail_server(None) as box:
        box.refuse = ["451 later"]
        with pytest.raises(NotSent, match="answers 451"):
            mail(box.port, "none").send(NOTICE)
        mail(box.port, "none").send(NOTICE)
    assert len(box.mails) == 1


def test_a_mail_that_not_all_can_have_is_not_sent() -> None:
    with mail_server(None) as box:
        box.unknown = "bob@example.com"
        with pytest.raises(NotSent, match="refuses 1 of the addresses"):
            mail(box.port, "none").send(NOTICE)


def test_who_has_a_mail_is_not_sent_it_again_because_another_cannot_have_it() -> None:
    with mail_server(None) as box:
        box.unknown = "bob@example.com"
        way = mail(box.port, "none")
        for why in ("refuses 1 of the addresses", "RecipientsRefused", "RecipientsRefused"):
            with pytest.raises(NotSent, match=why):
                way.send(NOTICE)
        assert [one["To"] for one in box.mails] == ["ann@example.com, bob@example.com"]
        box.unknown = ""
        way.send(NOTICE)
        assert len(box.mails) == 2
        assert way.partly == {}


def test_of_mails_that_not_all_can_have_so_many_are_remembered() -> None:
    with mail_server(None) as box:
        box.unknown = "bob@example.com"
        way = mail(box.port, "none")
        way.partly.update({f"{number}": frozenset() for number in range(MOST_PARTLY)})
        with pytest.raises(NotSent, match="refuses 1"):
            way.send(NOTICE)
    assert len(way.partly) == MOST_PARTLY
    assert way.partly[NOTICE.id] == {"ann@example.com"}


def test_a_mail_server_that_is_away_is_told() -> None:
    with pytest.raises(NotSent, match="refused"):
        mail(free_port(), "none").send(NOTICE)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"needed": 2}, "high review in treasury waits for 2 reviewers"),
        ({"severity": ""}, "review in treasury waits for a reviewer"),
        ({"event": "due"}, "high review in treasury ends soon: deny at 2026-01-02T05:04:05Z"),
        ({"event": "expired"}, "high review in treasury is over, nobody answered: deny"),
        (
            {"event": "resolved", "state": "approved", "who": "ann"},
            "high review in treasury was approved by ann",
        ),
        ({"event": "resolved", "state": "edited"}, "high review in treasury was edited"),
    ],
)
def test_a_notice_says_in_a_line_what_happened(changes: dict[str, object], says: str) -> None:
    assert subject_of(msgspec.structs.replace(NOTICE, **changes)) == says


def test_many_rules_are_not_all_named() -> None:
    many = msgspec.structs.replace(NOTICE, rules=tuple(f"p.r{n}" for n in range(7)), link="")
    assert lines_of(many)[1:] == [
        "because of p.r0, p.r1, p.r2, p.r3, p.r4 and 2 more",
        "until 2026-01-02T05:04:05Z, then deny",
    ]


def test_a_link_is_filled_in_as_part_of_an_address() -> None:
    made = link_to("https://c.example/{tenant}/{queue}?id={review_id}", "9f", "a/b", "c d&e=1")
    assert made == "https://c.example/a%2Fb/c%20d%26e%3D1?id=9f"
    assert moment(1_700_000_000_999_999_999) == "2023-11-14T22:13:20Z"
