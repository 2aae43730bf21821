from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from engine.storage.checkpoints import FILE, CheckpointFile
from engine.storage.notes import NoteError, Signer
from engine.storage.proof import FIRST_LINE, ProofError, make_proof, notes_in, read_proof
from engine.storage.prune import forget
from engine.storage.read import Kept, read_folder
from engine.storage.retention import Due
from engine.storage.segment import recover
from engine.storage.source import segment_files
from tests.storage.made import SIGNER, TIME, filled, record, trail

KEYS = [SIGNER.verifier]


def kept_in(folder: Path) -> list[Kept]:
    return list(read_folder(folder))


def test_every_record_of_several_segments_can_be_proven(tmp_path: Path) -> None:
    filled(tmp_path, 45, every=7, segment_bytes=900)
    assert len(segment_files(tmp_path)) > 3
    for kept in kept_in(tmp_path):
        text = make_proof(tmp_path, kept, KEYS)
        assert text.startswith(f"{FIRST_LINE}\nextra ")
        proven = read_proof(text, KEYS)
        assert (proven.index, proven.payload) == (kept.sequence, kept.payload)
        assert proven.checkpoint.trail == kept.trail
        assert proven.checkpoint.size > kept.sequence


def test_what_is_left_after_pruning_can_be_proven(tmp_path: Path) -> None:
    filled(tmp_path, 45, every=45, segment_bytes=900)
    records = kept_in(tmp_path)
    first, second = segment_files(tmp_path)[:2]
    first.unlink()
    due = Due(
        path=second, trail="", name=second.stem, first=_first(second), records=9, before=set()
    )
    due.rows.extend((0, 1))
    forget(due)
    left = kept_in(tmp_path)
    assert 0 < len(left) < len(records) - 2
    for kept in left:
        assert read_proof(make_proof(tmp_path, kept, KEYS), KEYS).payload == kept.payload


def _first(path: Path) -> int:
    return int(msgspec.json.decode(path.read_bytes().partition(b"\n")[0])["first"])


def test_a_record_is_proven_over_the_place_where_a_process_ended(tmp_path: Path) -> None:
    one = trail(tmp_path)
    one.append(record(1))
    one.append(record(2))
    one.checkpoint()
    one._segment.drop()
    assert recover(one.path, TIME) is not None
    kept = kept_in(tmp_path)[0]
    assert read_proof(make_proof(tmp_path, kept, KEYS), KEYS).checkpoint.size == 2


def test_what_no_checkpoint_covers_cannot_be_proven_yet(tmp_path: Path) -> None:
    one = trail(tmp_path)
    one.append(record(1))
    kept = kept_in(tmp_path)[0]
    with pytest.raises(ProofError, match="no checkpoint vouches for it yet"):
        make_proof(tmp_path, kept, KEYS)
    one.close()


def test_a_trail_that_was_changed_proves_nothing(tmp_path: Path) -> None:
    filled(tmp_path, 20)
    kept = kept_in(tmp_path)[3]
    with pytest.raises(ProofError, match="the trail is not what was signed"):
        make_proof(tmp_path, kept._replace(payload=b"{}"), KEYS)
    path = segment_files(tmp_path)[0]
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(ProofError, match="not whole up to the checkpoint"):
        make_proof(tmp_path, kept_in(tmp_path)[15], KEYS)


def test_a_proof_that_was_changed_proves_nothing(tmp_path: Path) -> None:
    filled(tmp_path, 20)
    text = make_proof(tmp_path, kept_in(tmp_path)[3], KEYS)
    lines = text.split("\n")
    for changed, why in (
        (text.replace("index 3", "index 4"), "the record is not in what was signed"),
        (text.replace("index 3", "index 99"), "there is no leaf 99"),
        ("\n".join(lines[:3] + lines[4:]), "the path is too short"),
        (text.replace("extra ", "extra AAAA"), "the record is not in what was signed"),
        (text.replace("extra ", "more "), "this is no proof of a record"),
        (text.replace("index 3", "index x"), "this is no proof of a record"),
        (text.replace(FIRST_LINE, "c2sp.org/tlog-proof@v9"), "this is no proof of a record"),
        ("", "this is no proof of a record"),
    ):
        with pytest.raises(ProofError, match=why):
            read_proof(changed, KEYS)
    stranger = Signer("stranger", SIGNER.private)
    with pytest.raises(NoteError, match="no known key"):
        read_proof(text, [stranger.verifier])


def test_checkpoints_are_found_in_whatever_keeps_a_copy(tmp_path: Path) -> None:
    filled(tmp_path, 25)
    notes = list(CheckpointFile(tmp_path).notes())
    assert len(notes) == 3
    assert notes_in((tmp_path / FILE).read_text()) == notes
    log = [
        msgspec.json.encode({"level": "info", "event": "audit checkpoint", "note": one}).decode()
        for one in notes
    ]
    assert notes_in("\n".join(["started", *log, '{"note": 3}', '{"note": "cut'])) == notes
    assert notes_in("\n".join(notes)) == notes
    assert notes_in(" \n") == []
    assert notes_in("one line") == []
