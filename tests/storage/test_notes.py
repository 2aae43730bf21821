from __future__ import annotations

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from engine.storage.notes import NoteError, Signer, Verifier, open_note, read_verifier

SIGNER = Signer("engine.example/audit", Ed25519PrivateKey.from_private_bytes(bytes(range(32))))
OTHER = Signer("engine.example/audit", Ed25519PrivateKey.from_private_bytes(bytes(32)))
TEXT = "engine.example/audit/1\n12\nq83v\n"


def test_a_note_is_opened_with_the_key_of_who_signed_it() -> None:
    note = SIGNER.sign(TEXT)
    assert note.startswith(TEXT + "\n\N{EM DASH} engine.example/audit ")
    assert open_note(note, [OTHER.verifier, SIGNER.verifier]) == TEXT


def test_an_example_of_the_specification_is_opened() -> None:
    # From the documentation of Go's note package, whose form C2SP's is.
    key = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
    text = (
        "If you think cryptography is the answer to your problem,\n"
        "then you don't know what your problem is.\n"
    )
    signed = (
        f"{text}\n\N{EM DASH} PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FF"
        "YC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n"
    )
    verifier = read_verifier(key)
    assert str(verifier) == key
    assert open_note(signed, [verifier]) == text


def test_a_note_of_others_or_with_another_text_is_refused() -> None:
    note = SIGNER.sign(TEXT)
    with pytest.raises(NoteError, match="no known key has signed this note"):
        open_note(note, [OTHER.verifier])
    with pytest.raises(NoteError, match=r"the signature of `engine\.example/audit` is wrong"):
        open_note(note.replace("12", "13"), [SIGNER.verifier])


@pytest.mark.parametrize(
    "note",
    [
        "",
        "text\n",
        "text\n\n",
        "text\n\nno dash AAAAAAAA\n",
        "text\n\n\N{EM DASH} name !\n",
        "text\n\n\N{EM DASH} na+me AAAAAAAA\n",
        "text\n\n\N{EM DASH} name AAAA\n",
        "text\n\n\N{EM DASH} name AAAAAAAA",
    ],
)
def test_what_is_no_note_is_told(note: str) -> None:
    with pytest.raises(NoteError, match="this is no signed note"):
        open_note(note, [SIGNER.verifier])


def test_a_verifier_key_is_read_as_it_is_written() -> None:
    verifier = SIGNER.verifier
    assert read_verifier(f"{verifier}\n") == verifier
    other = Verifier("other", verifier.public)
    with pytest.raises(NoteError, match="the hash of the verifier key `other`"):
        read_verifier(f"other+{verifier.hash.hex()}+{str(other).split('+', 2)[2]}")
    for text in ("", "a+b", "a b+00000000+AAAA", "a+00000000+!", "+00000000+AQ=="):
        with pytest.raises(NoteError, match="this is no verifier key"):
            read_verifier(text)


def test_a_text_without_an_end_is_not_signed() -> None:
    with pytest.raises(ValueError, match="line end"):
        SIGNER.sign("text")
