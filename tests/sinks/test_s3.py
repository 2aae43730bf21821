"""Objects of a bucket that locks them, on moto's server."""

from __future__ import annotations

import asyncio
import gzip
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import boto3
import msgspec
import pytest
from botocore.exceptions import ClientError

from engine.daemon.settings_sinks import S3
from engine.daemon.sinks import open_sink
from engine.sinks.batch import Batch
from engine.sinks.s3 import S3Sink, name_of
from engine.sinks.s3_lock import Bucket, Lock, ask, read_lock, signed_headers
from engine.sinks.sink import TAKEN, Away, Outcome, Refused, SinkError
from tests.sinks.collector import Answer, Asked, collector
from tests.sinks.servers import Server, s3_server
from tests.sinks.shipping_made import batch, item

pytestmark = pytest.mark.slow
NOW = datetime(2026, 1, 2, tzinfo=UTC)


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with s3_server() as found:
        yield found


@pytest.fixture(autouse=True)
def credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")


def client(server: Server) -> Any:
    return boto3.client(
        "s3", endpoint_url=f"http://127.0.0.1:{server.port}", region_name="eu-central-1"
    )


def make_bucket(server: Server, name: str, mode: str = "", *, lock: bool = True) -> Any:
    found = client(server)
    found.create_bucket(
        Bucket=name,
        ObjectLockEnabledForBucket=lock,
        CreateBucketConfiguration={"LocationConstraint": "eu-central-1"},
    )
    if mode:
        rule = {"DefaultRetention": {"Mode": mode, "Days": 30}}
        found.put_object_lock_configuration(
            Bucket=name, ObjectLockConfiguration={"ObjectLockEnabled": "Enabled", "Rule": rule}
        )
    return found


def settings(server: Server, name: str, lock: str = "any") -> S3:
    return msgspec.convert(
        {
            "kind": "s3",
            "name": "lake",
            "url": f"s3://{name}/trail",
            "endpoint": f"http://127.0.0.1:{server.port}",
            "region": "eu-central-1",
            "lock": lock,
            "timeout_seconds": 20,
        },
        S3,
    )


def put(one: S3, *batches: Batch) -> None:
    sink = open_sink(one)
    assert isinstance(sink, S3Sink)
    # Of an object that is locked, S3 wants a checksum; moto wants a header that only SDKs send.
    sink._client["default_headers"] = {"x-amz-sdk-checksum-algorithm": "SHA256"}
    sink._open()

    async def go() -> None:
        for each in batches:
            assert await sink.send(each) == TAKEN
        await sink.close()

    asyncio.run(go())


def test_a_batch_is_one_object_and_is_locked(server: Server) -> None:
    s3 = make_bucket(server, "locked", "COMPLIANCE")
    put(settings(server, "locked"), batch(3))
    (found,) = s3.list_objects_v2(Bucket="locked")["Contents"]
    assert found["Key"] == f"trail/{name_of(batch(3))}"
    assert found["Key"].startswith("trail/2026/01/02/030405000006Z-")
    got = s3.get_object(Bucket="locked", Key=found["Key"])
    assert got["ContentType"] == "application/x-ndjson"
    assert gzip.decompress(got["Body"].read()) == batch(3).lines
    (version,) = s3.list_object_versions(Bucket="locked")["Versions"]
    with pytest.raises(ClientError, match="AccessDenied"):
        s3.delete_object(Bucket="locked", Key=found["Key"], VersionId=version["VersionId"])


def test_a_batch_that_comes_again_is_there_once(server: Server) -> None:
    s3 = make_bucket(server, "twice", "GOVERNANCE")
    put(settings(server, "twice"), batch(3), batch(3))
    put(settings(server, "twice"), batch(3))
    assert s3.list_objects_v2(Bucket="twice")["KeyCount"] == 1
    assert len(s3.list_object_versions(Bucket="twice")["Versions"]) == 1


@pytest.mark.parametrize(
    ("name", "mode", "wanted", "why"),
    [
        ("plain", "", "any", "does not lock new objects"),
        ("soft", "GOVERNANCE", "compliance", "in mode GOVERNANCE, not COMPLIANCE"),
    ],
)
def test_nothing_is_put_where_it_would_not_be_locked(
    server: Server, name: str, mode: str, wanted: str, why: str
) -> None:
    s3 = make_bucket(server, name, mode, lock=bool(mode))
    with pytest.raises(Away, match=why):
        put(settings(server, name, wanted), batch(1))
    assert s3.list_objects_v2(Bucket=name)["KeyCount"] == 0
    put(settings(server, name, "off"), batch(1))
    assert s3.list_objects_v2(Bucket=name)["KeyCount"] == 1


def test_a_bucket_that_is_not_there_is_away(server: Server) -> None:
    with pytest.raises(Away, match="answers 404"):
        put(settings(server, "nowhere"), batch(1))
    with pytest.raises(Away, match="did not take it"):
        put(settings(server, "nowhere", "off"), batch(1))


def test_a_server_that_was_killed_is_away_until_it_is_back() -> None:
    with s3_server() as server:
        s3 = make_bucket(server, "again")
        one = settings(server, "again", "off")
        put(one, batch(1))
        server.kill()
        with pytest.raises(Away, match="did not take it"):
            put(one, batch(1, 1))
        with pytest.raises(Away, match="cannot be asked about its lock"):
            put(settings(server, "again"), batch(1, 1))
        server.start()
        make_bucket(server, "again")  # It keeps nothing.
        put(one, batch(1, 1))
        assert s3.list_objects_v2(Bucket="again")["KeyCount"] == 1


def test_a_record_without_a_time_has_a_name_too() -> None:
    assert name_of(Batch((item(0)._replace(time=""),))).startswith("undated/0-")


def test_a_signature_is_that_of_amazons_example() -> None:
    # The algorithm's own example needs another query; this pins ours against botocore.
    from botocore.auth import SigV4Auth  # noqa: PLC0415 - only here
    from botocore.awsrequest import AWSRequest  # noqa: PLC0415
    from botocore.credentials import Credentials  # noqa: PLC0415

    moment = datetime.now(UTC)
    bucket = Bucket("https://s3.test", "b", "eu-central-1", "AKID", "secret", "token")
    request = AWSRequest("GET", "https://s3.test/b?object-lock=", headers={"Host": "s3.test"})
    ours = signed_headers(bucket, "s3.test", "/b", moment)
    request.headers["X-Amz-Content-SHA256"] = ours["x-amz-content-sha256"]
    request.context["timestamp"] = moment.strftime("%Y%m%dT%H%M%SZ")

    class Fixed(SigV4Auth):  # type: ignore[misc]
        def _modify_request_before_signing(self, request: Any) -> None:
            super()._modify_request_before_signing(request)
            request.headers.replace_header("X-Amz-Date", ours["x-amz-date"])

    auth = Fixed(Credentials("AKID", "secret", "token"), "s3", "eu-central-1")
    request.headers["X-Amz-Date"] = ours["x-amz-date"]
    request.headers["X-Amz-Security-Token"] = "token"
    canonical = auth.canonical_request(request)
    text = auth.string_to_sign(request, canonical)
    assert ours["authorization"].endswith(f"Signature={auth.signature(text, request)}")


def test_what_a_bucket_says_of_its_lock_is_read() -> None:
    body = (
        '<ObjectLockConfiguration xmlns="x"><ObjectLockEnabled>Enabled</ObjectLockEnabled><Rule>'
        "<DefaultRetention><Mode>GOVERNANCE</Mode><Years>2</Years></DefaultRetention></Rule>"
        "</ObjectLockConfiguration>"
    )
    assert read_lock(body) == Lock(enabled=True, mode="GOVERNANCE", time="2 years")
    assert read_lock("<Error/>") == Lock(enabled=False, mode="", time="")
    assert read_lock("<Mode>OTHER</Mode>").mode == ""


def test_nobody_there_cannot_be_asked() -> None:
    bucket = Bucket("https://127.0.0.1:9", "b", "r", "k", "s")
    with pytest.raises(Away, match="ConnectionRefusedError"):
        ask(bucket, NOW, None, 1.0)


def test_without_the_extra_one_sentence_says_so(
    monkeypatch: pytest.MonkeyPatch, server: Server
) -> None:
    monkeypatch.setitem(sys.modules, "obstore", None)
    with pytest.raises(SinkError, match=r"needs obstore.*pol-engine\[s3\]"):
        open_sink(settings(server, "x"))


def test_a_bucket_that_hangs_is_away() -> None:
    with collector(lambda _: "hang") as hanging:
        one = msgspec.structs.replace(
            S3(name="lake", url="s3://bucket/x", lock="off"),
            endpoint=hanging.url,
            timeout_seconds=0.3,
        )
        with pytest.raises(Away):
            put(one, batch(1))


def answering(status: int, code: str, head: int = 404) -> Outcome:
    """Return what becomes of a batch where a bucket answers so."""
    body = f"<Error><Code>{code}</Code><Message>secret</Message></Error>".encode()

    def answer(asked: Asked) -> Answer:
        return (head, b"") if asked.method == "HEAD" else (status, body)

    with collector(answer) as told:
        sink = open_sink(
            S3(name="lake", url="s3://bucket/x", lock="off", endpoint=told.url, timeout_seconds=20)
        )

        async def go() -> Outcome:
            try:
                return await sink.send(batch(1))
            finally:
                await sink.close()

        try:
            return asyncio.run(go())
        finally:
            assert told.asked[0].headers["if-none-match"] == "*"


def test_what_is_there_already_is_taken() -> None:
    assert answering(412, "PreconditionFailed") == TAKEN
    assert answering(409, "BlobAlreadyExists") == TAKEN


def test_another_write_under_way_is_no_proof_that_it_is_there() -> None:
    for code in ("ConditionalRequestConflict", "OperationAborted"):
        with pytest.raises(Away, match=code):
            answering(409, code)
        with pytest.raises(Away, match=code):
            answering(409, code, head=403)
    assert answering(409, "ConditionalRequestConflict", head=200) == TAKEN


@pytest.mark.parametrize(("status", "code"), [(400, "EntityTooLarge"), (413, "x")])
def test_an_object_that_is_too_large_is_refused(status: int, code: str) -> None:
    with pytest.raises(Refused, match="too large"):
        answering(status, code)


@pytest.mark.parametrize(
    ("status", "code", "why"),
    [
        (503, "SlowDown", "503 SlowDown$"),
        (500, "InternalError", "500 InternalError$"),
        (403, "AccessDenied", "403 AccessDenied; see `key_id`"),
        (403, "SignatureDoesNotMatch", "see `secret`"),
        (400, "ExpiredToken", "see `session`"),
        (400, "InvalidRequest", "400 InvalidRequest$"),
        (404, "NoSuchBucket", "see `url`"),
        (301, "PermanentRedirect", "see `region`"),
    ],
)
def test_what_is_not_the_batchs_fault_is_told_with_the_remedy(
    status: int, code: str, why: str
) -> None:
    with pytest.raises(Away, match=why) as caught:
        answering(status, code)
    assert "secret" not in str(caught.value).replace("`secret`", "")


def test_a_name_is_that_of_what_is_in_it() -> None:
    other = Batch((item(0)._replace(body=b'{"else":1}'),))
    assert name_of(batch(1)) == name_of(batch(1)) != name_of(other)
