"""Field blocks (RFC 7541): what they mean, and which are none."""

from __future__ import annotations

import pytest
from hpack import Decoder, Encoder

from engine.doors.http2.fields import (
    REMEMBERED,
    REMEMBERED_BYTES,
    TABLE_BYTES,
    FieldReader,
    Fields,
    block_of,
    literal,
    size_of,
)
from engine.doors.http2.frames import Code, ConnectionFailed

MOST = 16_384
EOS = b"\xff\xff\xff\xff"
"""With which the code of the end of a string begins: 30 bits."""


def reader(most: int = MOST) -> FieldReader[Fields]:
    return FieldReader(most, lambda fields: fields)


def string(text: bytes) -> bytes:
    return bytes((len(text),)) + text


EXAMPLES: dict[str, tuple[tuple[str, Fields], ...]] = {
    "C.2.1 a literal that is indexed": (
        (
            "400a637573746f6d2d6b65790d637573746f6d2d686561646572",
            ((b"custom-key", b"custom-header"),),
        ),
    ),
    "C.2.2 a literal that is not": (
        ("040c2f73616d706c652f70617468", ((b":path", b"/sample/path"),)),
    ),
    "C.2.3 a literal that never is": (
        ("100870617373776f726406736563726574", ((b"password", b"secret"),)),
    ),
    "C.2.4 an index": (("82", ((b":method", b"GET"),)),),
    "C.3 requests": (
        (
            "828684410f7777772e6578616d706c652e636f6d",
            (
                (b":method", b"GET"),
                (b":scheme", b"http"),
                (b":path", b"/"),
                (b":authority", b"www.example.com"),
            ),
        ),
        (
            "828684be58086e6f2d6361636865",
            (
                (b":method", b"GET"),
                (b":scheme", b"http"),
                (b":path", b"/"),
                (b":authority", b"www.example.com"),
                (b"cache-control", b"no-cache"),
            ),
        ),
        (
            "828785bf400a637573746f6d2d6b65790c637573746f6d2d76616c7565",
            (
                (b":method", b"GET"),
                (b":scheme", b"https"),
                (b":path", b"/index.html"),
                (b":authority", b"www.example.com"),
                (b"custom-key", b"custom-value"),
            ),
        ),
    ),
    "C.4 requests with Huffman codes": (
        (
            "828684418cf1e3c2e5f23a6ba0ab90f4ff",
            (
                (b":method", b"GET"),
                (b":scheme", b"http"),
                (b":path", b"/"),
                (b":authority", b"www.example.com"),
            ),
        ),
        (
            "828684be5886a8eb10649cbf",
            (
                (b":method", b"GET"),
                (b":scheme", b"http"),
                (b":path", b"/"),
                (b":authority", b"www.example.com"),
                (b"cache-control", b"no-cache"),
            ),
        ),
    ),
}


@pytest.mark.parametrize("name", EXAMPLES)
def test_the_examples_of_the_standard_mean_what_it_says(name: str) -> None:
    made = reader()
    for block, fields in EXAMPLES[name]:
        assert made.read(bytes.fromhex(block)) == fields


NO_BLOCKS: dict[str, bytes] = {
    "2.3.3 an index beyond both tables": b"\xfe",
    "2.3.3 a name beyond both tables": b"\x7f\x00\x01a",
    "4.2 a table larger than allowed": b"\x3f\xe2\x1f\x82",
    "4.2 a size that changes behind a field": b"\x82\x20",
    "4.2 a size that changes three times": b"\x20\x20\x20\x82",
    "4.2 a size that changes for ever": b"\x3f\xe1\x1f" * 3 + b"\x82",
    "5.1 an integer without its end": b"\xff",
    "5.1 an integer without its last byte": b"\xff\x80\x80",
    "5.1 an integer of too many bytes": b"\xff" + b"\x80" * 9 + b"\x01",
    "5.1 an integer that is too large": b"\xff\xff\xff\xff\xff\x7f",
    "5.2 a string longer than its block": b"\x00\x05a",
    "5.2 a value longer than its block": b"\x00\x01a\x02b",
    "5.2 a string of a giant length": b"\x00\x7f\xff\xff\xff\x7f",
    "5.2 a name without a value": b"\x00\x01a",
    "5.2 nothing behind a literal": b"\x00",
    "5.2 a Huffman code with eight bits of padding": b"\x00\x82\x1f\xff\x01a",
    "5.2 a Huffman code padded with zeros": b"\x00\x81\x18\x01a",
    "5.2 a Huffman code with the end of the string": b"\x00\x84" + EOS + b"\x01a",
    "6.1 an index of 0": b"\x80",
}
"""Each is a decoding error."""


@pytest.mark.parametrize("name", NO_BLOCKS)
def test_what_is_no_block_ends_the_connection(name: str) -> None:
    with pytest.raises(ConnectionFailed) as failed:
        reader().read(NO_BLOCKS[name])
    assert failed.value.code is Code.COMPRESSION_ERROR


def test_4_2_a_block_may_change_the_size_twice_at_its_beginning() -> None:
    made = reader()
    made.read(literal_indexed(b"x", b"y"))
    assert made.read(b"\x20\x3f\xe1\x1f\x82") == ((b":method", b"GET"),)
    with pytest.raises(ConnectionFailed):
        made.read(b"\xbe")  # What was in the table is gone.


def literal_indexed(name: bytes, value: bytes) -> bytes:
    return b"\x40" + string(name) + string(value)


def test_4_1_an_entry_counts_32_bytes_more() -> None:
    made = reader()
    for number in range(TABLE_BYTES // 64 + 1):
        made.read(literal_indexed(b"n" * 16, b"%016d" % number))
    assert made.read(bytes((0x80 | 62,))) == ((b"n" * 16, b"%016d" % 64),)
    assert made.read(bytes((0x80 | 62 + 63,))) == ((b"n" * 16, b"%016d" % 1),)
    with pytest.raises(ConnectionFailed):
        made.read(b"\xfe")  # The first one was driven out: there are 64.


def test_4_3_a_smaller_table_forgets_the_oldest() -> None:
    made = reader()
    made.read(literal_indexed(b"a", b"1") + literal_indexed(b"b", b"2"))
    assert made.read(b"\x3f\x03\xbe") == ((b"b", b"2"),)  # 34 bytes: one entry
    with pytest.raises(ConnectionFailed):
        made.read(b"\xbf")


def test_4_4_an_entry_larger_than_the_table_empties_it_and_is_no_error() -> None:
    made = reader()
    made.read(literal_indexed(b"a", b"1"))
    large = b"v" * 100
    assert made.read(b"\x3f\x21" + literal_indexed(b"b", large)) == ((b"b", large),)
    with pytest.raises(ConnectionFailed):
        made.read(b"\xbe")


def test_4_4_a_new_entry_may_have_the_name_of_one_that_it_drives_out() -> None:
    made = reader()
    made.read(b"\x3f\x0f" + literal_indexed(b"name", b"value"))  # a table of 46 bytes
    assert made.read(b"\x7e\x05other") == ((b"name", b"other"),)
    assert made.read(b"\xbe") == ((b"name", b"other"),)


@pytest.mark.parametrize("first", [b"\x00", b"\x10"])
def test_6_2_a_literal_that_is_not_indexed_stays_out_of_the_table(first: bytes) -> None:
    made = reader()
    assert made.read(first + string(b"a") + string(b"1")) == ((b"a", b"1"),)
    with pytest.raises(ConnectionFailed):
        made.read(b"\xbe")


def test_an_empty_name_and_an_empty_value_are_read() -> None:
    assert reader().read(b"\x00\x00\x00") == ((b"", b""),)
    assert reader().read(b"\x00\x80\x80") == ((b"", b""),)
    assert reader().read(b"") == ()


def test_a_list_that_is_too_long_ends_the_connection() -> None:
    with pytest.raises(ConnectionFailed) as failed:
        reader(100).read(literal(b"a", b"b") * 3)
    assert failed.value.code is Code.ENHANCE_YOUR_CALM


def test_a_block_that_changes_the_table_is_never_remembered() -> None:
    made = reader()
    block = literal_indexed(b"a", b"1")
    assert made.read(block) == made.read(block) == ((b"a", b"1"),)
    assert made.read(b"\xbe\xbf") == ((b"a", b"1"), (b"a", b"1"))
    assert block not in made.known


def test_a_block_means_something_else_when_the_table_has_changed() -> None:
    made = reader()
    made.read(literal_indexed(b"a", b"1"))
    assert made.read(b"\xbe") == ((b"a", b"1"),)
    made.read(literal_indexed(b"b", b"2"))
    assert made.read(b"\xbe") == ((b"b", b"2"),)
    made.read(b"\x20")
    with pytest.raises(ConnectionFailed):
        made.read(b"\xbe")


def test_few_and_small_blocks_are_remembered() -> None:
    made = reader()
    for number in range(3 * REMEMBERED):
        made.read(literal(b"a", b"%d" % number))
        assert len(made.known) <= REMEMBERED
    made.read(literal(b"a", b"x" * REMEMBERED_BYTES))
    assert all(len(block) <= REMEMBERED_BYTES for block in made.known)


@pytest.mark.parametrize("length", [0, 1, 126, 127, 128, 254, 255, 16_510, 70_000])
def test_5_1_a_literal_is_what_a_library_reads(length: int) -> None:
    value = b"v" * length
    decoder = Decoder(max_header_list_size=1 << 20)
    assert [tuple(one) for one in decoder.decode(literal(b"name", value), raw=True)] == [
        (b"name", value)
    ]


def test_blocks_of_a_library_are_read() -> None:
    made, encoder = reader(), Encoder()
    for number in range(200):
        fields = ((b":path", b"/%d" % (number % 7)), (b"x-%d" % (number % 90), b"v" * number))
        assert made.read(encoder.encode(fields, huffman=number % 2 == 0)) == fields


def test_the_size_of_a_list_is_that_of_the_standard() -> None:
    assert size_of(((b"ab", b"cde"), (b"", b""))) == 69
    assert block_of(()) == b""
