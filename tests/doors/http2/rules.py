"""Which test holds each MUST of RFC 9113 (3 to 6, 8) and RFC 7541 that binds a server.

    python -m tests.doors.http2.rules

writes CONFORMANCE.md beside this file; `test_rules` checks that it is in step, that every test
exists, and that every case of the tables of errors has a row.
"""

# ruff: noqa: E501 - a table has one line for each rule

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

DOCUMENT = Path(__file__).parent / "CONFORMANCE.md"


class Rule(NamedTuple):
    """A rule: where it stands, what it says in few words, and the tests that hold it."""

    section: str
    says: str
    tests: tuple[str, ...]


CONNECTION = "test_conformance::test_the_connection_ends_with"
STREAM = "test_conformance::test_one_stream_ends_and_the_others_go_on"
BLOCK = "test_fields::test_what_is_no_block_ends_the_connection"
MESSAGE = "test_messages::test_what_stands_in_no_message_is_refused_in_requests_and_trailers"
REQUEST = "test_messages::test_what_is_no_request_is_refused"


def ends(*cases: str) -> tuple[str, ...]:
    """Return cases that end the connection."""
    return tuple(f"{CONNECTION}[{case}]" for case in cases)


def breaks(*cases: str) -> tuple[str, ...]:
    """Return cases that break one stream."""
    return tuple(f"{STREAM}[{case}]" for case in cases)


def no_block(*cases: str) -> tuple[str, ...]:
    """Return cases that are no field block."""
    return tuple(f"{BLOCK}[{case}]" for case in cases)


def no_message(*cases: str) -> tuple[str, ...]:
    """Return cases that stand in no message."""
    return tuple(f"{MESSAGE}[{case}]" for case in cases)


def no_request(*cases: str) -> tuple[str, ...]:
    """Return cases that are no request."""
    return tuple(f"{REQUEST}[{case}]" for case in cases)


def of(module: str, *names: str) -> tuple[str, ...]:
    """Return tests of a module."""
    return tuple(f"test_{module}::test_{name}" for name in names)


RULES: tuple[Rule, ...] = (
    # RFC 9113
    Rule("3.2", "over TLS both agree on `h2`, or the connection ends", of("connection", "3_2_a_client_that_did_not_agree_on_http_2_is_sent_away")),
    Rule("3.4", "the server's first frame is SETTINGS", of("sending", "3_4_the_first_frame_of_the_server_is_settings_and_allows_no_push")),
    Rule("3.4", "the client begins with 24 octets, and SETTINGS behind them", of("conformance", "3_4_what_is_not_http_2_ends", "3_4_the_first_frame_is_settings", "3_4_a_preface_may_come_in_any_pieces")),
    Rule("4.1", "no frame is longer than the receiver allows", of("sending", "4_1_no_frame_is_larger_than_the_client_allows")),
    Rule("4.1", "unknown types, unused flags and the reserved bit are ignored, and never set", of("conformance", "4_1_unknown_frames_are_ignored_and_so_is_the_reserved_bit") + of("sending", "4_1_flags_without_a_meaning_are_ignored_and_never_set")),
    Rule("4.2", "frames of 2^14 octets, and of all that was allowed, are read", of("sending", "4_2_a_frame_of_all_that_is_allowed_is_read")),
    Rule("4.2", "longer ones end the connection: FRAME_SIZE_ERROR", ends("4.1: a frame larger than allowed", "4.2: a frame of the largest length there is")),
    Rule("4.3", "a block that cannot be decoded: COMPRESSION_ERROR", ends("4.3: a field block that is none")),
    Rule("4.3", "blocks are decoded even where nobody wants them", of("sending", "4_3_a_block_that_nobody_wants_is_read_still")),
    Rule("4.3.1", "a smaller table is agreed to at the beginning of the next block", of("sending", "4_3_1_a_smaller_table_is_agreed_to_with_the_next_block", "4_3_1_a_table_that_is_not_smaller_needs_no_word")),
    Rule("5.1", "idle: all but HEADERS and PRIORITY end the connection", ends("5.1: DATA on an idle stream", "5.1: RST_STREAM of an idle stream", "5.1: WINDOW_UPDATE of an idle stream", "5.1: CONTINUATION on an idle stream")),
    Rule("5.1", "streams of the server, which opens none, are idle", ends("5.1: RST_STREAM of a stream of the server", "5.1: WINDOW_UPDATE of a stream of the server", "5.1: DATA on a stream of the server")),
    Rule("5.1", "half-closed (remote): HEADERS and DATA break the stream, STREAM_CLOSED", breaks("5.1: HEADERS behind the end of a request", "5.1: DATA behind the end of a request")),
    Rule("5.1", "closed: nothing is sent", of("sending", "5_1_nothing_is_sent_on_a_stream_that_the_client_took_back")),
    Rule("5.1", "closed by RST_STREAM of the server: what was under way is read, counted, ignored", of("conformance", "5_1_what_was_under_way_to_a_broken_stream_is_ignored") + of("sending", "5_1_what_comes_for_a_broken_stream_counts_for_the_connection")),
    Rule("5.1", "closed otherwise: the connection may end with STREAM_CLOSED", ends("5.1: HEADERS on a closed stream", "5.1: DATA on a closed stream")),
    Rule("5.1.1", "clients open odd streams, each higher than all before: PROTOCOL_ERROR", ends("5.1.1: an even stream", "5.1.1: a stream of 0", "5.1.1: a stream older than the newest")),
    Rule("5.1.2", "a stream too many is refused, REFUSED_STREAM, and is not processed (8.7)", of("sending", "5_1_2_a_stream_too_many_is_refused_and_nobody_is_asked")),
    Rule("5.2.1", "a sender keeps to the windows of its receiver", of("conformance", "6_9_no_more_is_sent_than_the_windows_hold")),
    Rule("5.2.2", "frames are read when they come — departed from: while the kernel takes nothing of what is sent, nothing is read, for at most `stall_seconds`; else answers to a client that reads nothing would pile up", of("timeouts", "a_client_that_does_not_read_is_cut_off", "a_client_that_reads_again_is_read_again")),
    Rule("5.3.2", "a stream that depends on itself (RFC 7540, 5.3.1): PROTOCOL_ERROR", breaks("5.3.1: a stream that depends on itself", "5.3.1: HEADERS of a stream that depends on itself") + ends("6.3: an idle stream that depends on itself")),
    Rule("5.4.1", "behind the GOAWAY of an error the connection is closed", of("sending", "5_4_1_behind_the_last_word_nothing_is_sent")),
    Rule("5.4.2", "no RST_STREAM answers an RST_STREAM", of("sending", "5_1_nothing_is_sent_on_a_stream_that_the_client_took_back")),
    Rule("5.5", "unknown frames are ignored, but not inside a field block", ends("5.5: an unknown frame inside a field block")),
    Rule("6.1", "DATA of stream 0, or with more padding than payload: PROTOCOL_ERROR", ends("6.1: DATA on stream 0", "6.1: DATA with more padding than payload", "6.1: DATA that is padded and empty")),
    Rule("6.1", "padding counts for the windows", of("sending", "6_1_padding_counts_for_the_windows_and_is_given_back")),
    Rule("6.2", "HEADERS with more padding than payload: PROTOCOL_ERROR; too short: FRAME_SIZE_ERROR", ends("6.2: HEADERS with more padding than payload", "6.2: HEADERS without its priority")),
    Rule("6.2", "a field block is not interrupted", ends("6.2: another frame inside a field block", "6.2: another stream inside a field block") + of("conformance", "6_2_a_field_block_may_come_in_pieces_with_padding_and_priority")),
    Rule("6.3", "PRIORITY may come in any state", of("sending", "6_3_priority_may_come_for_any_stream")),
    Rule("6.3", "of stream 0: PROTOCOL_ERROR; of another length: FRAME_SIZE_ERROR, of its stream where there is one to break off", ends("6.3: PRIORITY of stream 0", "6.3: PRIORITY of another length, on an idle stream") + breaks("6.3: PRIORITY of another length")),
    Rule("6.4", "RST_STREAM of stream 0: PROTOCOL_ERROR; of another length: FRAME_SIZE_ERROR", ends("6.4: RST_STREAM of stream 0", "6.4: RST_STREAM of another length")),
    Rule("6.5", "SETTINGS of a stream: PROTOCOL_ERROR; of another length: FRAME_SIZE_ERROR", ends("6.5: SETTINGS of a stream", "6.5: SETTINGS of another length", "6.5: SETTINGS with ACK and a payload")),
    Rule("6.5.2", "values out of their range end the connection", ends("6.5.2: ENABLE_PUSH of 2", "6.5.2: INITIAL_WINDOW_SIZE of 2^31", "6.5.2: MAX_FRAME_SIZE below 2^14", "6.5.2: MAX_FRAME_SIZE of 2^24")),
    Rule("6.5.2", "a server never allows push; what it sets is in its range", of("sending", "3_4_the_first_frame_of_the_server_is_settings_and_allows_no_push")),
    Rule("6.5.3", "settings are heeded in their order, then acknowledged; unknown ones are ignored", of("conformance", "6_5_settings_are_acknowledged_and_unknown_ones_ignored", "6_5_3_what_a_setting_allows_is_sent_behind_the_word_that_it_was_heard") + of("sending", "6_5_3_of_a_setting_the_last_value_holds")),
    Rule("6.6", "PUSH_PROMISE of a client: PROTOCOL_ERROR (8.4, too)", ends("6.6: PUSH_PROMISE from a client")),
    Rule("6.7", "PING is answered with the same octets, its answer is not", of("conformance", "6_7_pings_are_answered_with_what_they_said")),
    Rule("6.7", "PING of a stream: PROTOCOL_ERROR; of another length: FRAME_SIZE_ERROR", ends("6.7: PING of a stream", "6.7: PING of another length")),
    Rule("6.8", "GOAWAY of a stream: PROTOCOL_ERROR; too short: FRAME_SIZE_ERROR", ends("6.8: GOAWAY of a stream", "6.8: GOAWAY of another length") + of("conformance", "6_8_a_goaway_from_the_client_lets_its_streams_end")),
    Rule("6.8", "no later GOAWAY names a later stream", of("sending", "6_8_a_later_goaway_names_no_later_stream", "6_8_a_drain_says_first_that_it_will_come") + of("fuzz", "what_was_found_does_no_harm[a GOAWAY with a later stream than the one before]")),
    Rule("6.8", "behind it, blocks are decoded and DATA counts", of("sending", "6_8_behind_a_goaway_data_counts_and_streams_are_not_taken")),
    Rule("6.9", "an increment of 0 is an error, and so is another length", ends("6.9: WINDOW_UPDATE of another length", "6.9: the connection's window wider by 0") + breaks("6.9: a stream's window wider by 0")),
    Rule("6.9", "WINDOW_UPDATE of a half-closed or closed stream is no error", of("sending", "6_9_a_window_may_widen_behind_the_end_of_a_request")),
    Rule("6.9", "DATA always counts for the connection, also what is in error", of("sending", "6_9_what_breaks_its_stream_counts_for_the_connection")),
    Rule("6.9.1", "no more is sent than both windows hold; an empty frame may be", of("conformance", "6_9_no_more_is_sent_than_the_windows_hold", "6_9_1_a_client_that_sends_more_than_its_window_is_refused") + of("sending", "6_9_1_an_empty_body_needs_no_window")),
    Rule("6.9.1", "a window beyond 2^31 - 1 ends its stream or the connection: FLOW_CONTROL_ERROR", ends("6.9.1: the connection's window beyond 2^31 - 1") + breaks("6.9.1: a stream's window beyond 2^31 - 1")),
    Rule("6.9.2", "INITIAL_WINDOW_SIZE changes all windows, which may become negative", of("conformance", "6_9_no_more_is_sent_than_the_windows_hold", "6_9_2_a_window_may_become_negative")),
    Rule("6.9.2", "a change beyond 2^31 - 1: FLOW_CONTROL_ERROR", ends("6.9.2: a stream's window beyond it by SETTINGS")),
    Rule("6.10", "CONTINUATION behind nothing, or of stream 0: PROTOCOL_ERROR", ends("6.10: CONTINUATION of nothing", "6.10: CONTINUATION on stream 0")),
    Rule("7", "unknown codes do nothing special", of("sending", "7_an_unknown_code_is_as_good_as_any")),
    Rule("8.1", "HEADERS without END_STREAM behind the first ones are malformed", breaks("8.1: trailers that do not end the stream")),
    Rule("8.1", "trailers have no pseudo-fields", breaks("8.1: trailers with a pseudo-field") + of("messages", "trailers_have_no_pseudo_fields", "trailers_may_be_any_plain_fields_and_none")),
    Rule("8.1", "an answer may end before its request, with NO_ERROR", of("sending", "8_1_an_answer_before_the_end_of_a_request_asks_for_no_more_of_it")),
    Rule("8.1.1", "malformed requests break their stream: PROTOCOL_ERROR", breaks("8.1.1: fields that are no request")),
    Rule("8.1.1", "content-length is the sum of all DATA", breaks("8.1.1: less than content-length says", "8.1.1: more than content-length says", "8.1.1: nothing where content-length says something", "8.1.1: trailers before all that content-length says")),
    Rule("8.2", "names are in lower case", breaks("8.2: a name in capitals") + no_message("8.2 an uppercase name")),
    Rule("8.2.1", "names have no control signs, spaces, colons, nor signs beyond ASCII", no_message("8.2.1 an empty name", "8.2.1 a name with a space", "8.2.1 a name with a control sign", "8.2.1 a name beyond ASCII", "8.2.1 a name with a colon") + of("messages", "what_http_2_allows_is_a_request")),
    Rule("8.2.1", "values have no NUL, CR, LF, and no blanks around them", no_message("8.2.1 a line feed in a value", "8.2.1 a carriage return in a value", "8.2.1 a zero in a value", "8.2.1 a value that begins blank", "8.2.1 a value that ends blank", "8.2.1 a value that is blank") + no_request("8.2.1 a line feed in a path") + breaks("8.2.1: trailers with a line feed")),
    Rule("8.2.2", "no field is of the connection alone; TE says `trailers` or nothing", no_message("8.2.2 connection", "8.2.2 keep-alive", "8.2.2 proxy-connection", "8.2.2 transfer-encoding", "8.2.2 upgrade", "8.2.2 te of another kind", "8.2.2 te of more kinds") + breaks("8.2.2: trailers of a connection")),
    Rule("8.3", "pseudo-fields come first, once, and are those of requests", no_request("8.3 an unknown pseudo-field", "8.3 the pseudo-field of answers", "8.3 a pseudo-field after others", "8.3 a pseudo-field twice", "8.3 a pseudo-field in capitals") + breaks("8.3: a pseudo-field twice")),
    Rule("8.3.1", "a request has :method, :scheme and :path, none of them empty", no_request("8.3.1 no method", "8.3.1 no scheme", "8.3.1 no path", "8.3.1 an empty path", "8.3.1 an empty method", "8.3.1 nothing at all")),
    Rule("8.3.2", "an answer has :status", of("sending", "8_3_2_each_answer_has_one_status_and_fields_that_http_2_allows")),
    Rule("8.5", "CONNECT has :authority, and neither :scheme nor :path", no_request("8.5 CONNECT with a path", "8.5 CONNECT with a scheme", "8.5 CONNECT of nothing", "8.5 CONNECT of an empty authority")),
    # RFC 7541
    Rule("7541 2.3.3", "an index beyond both tables is an error", no_block("2.3.3 an index beyond both tables", "2.3.3 a name beyond both tables")),
    Rule("7541 4.1", "an entry counts 32 octets more than its text", of("fields", "4_1_an_entry_counts_32_bytes_more", "the_size_of_a_list_is_that_of_the_standard")),
    Rule("7541 4.2", "the size of the table changes at the beginning of a block, to no more than allowed", no_block("4.2 a table larger than allowed", "4.2 a size that changes behind a field", "4.2 a size that changes three times", "4.2 a size that changes for ever") + of("fields", "4_2_a_block_may_change_the_size_twice_at_its_beginning")),
    Rule("7541 4.3", "a smaller table forgets the oldest", of("fields", "4_3_a_smaller_table_forgets_the_oldest")),
    Rule("7541 4.4", "an entry larger than the table empties it; a name may be of an entry that goes", of("fields", "4_4_an_entry_larger_than_the_table_empties_it_and_is_no_error", "4_4_a_new_entry_may_have_the_name_of_one_that_it_drives_out")),
    Rule("7541 5.1", "integers that are too long or too large are errors", no_block("5.1 an integer without its end", "5.1 an integer without its last byte", "5.1 an integer of too many bytes", "5.1 an integer that is too large")),
    Rule("7541 5.1", "integers are written as a library reads them", of("fields", "5_1_a_literal_is_what_a_library_reads")),
    Rule("7541 5.2", "strings end within their block", no_block("5.2 a string longer than its block", "5.2 a value longer than its block", "5.2 a string of a giant length", "5.2 a name without a value", "5.2 nothing behind a literal")),
    Rule("7541 5.2", "Huffman codes are padded with less than eight ones, and have no end of string", no_block("5.2 a Huffman code with eight bits of padding", "5.2 a Huffman code padded with zeros", "5.2 a Huffman code with the end of the string")),
    Rule("7541 6.1", "an index of 0 is an error", no_block("6.1 an index of 0")),
    Rule("7541 6.2", "literals stand in the table only where they say so", of("fields", "6_2_a_literal_that_is_not_indexed_stays_out_of_the_table")),
    Rule("7541 C", "the examples of the standard", of("fields", "the_examples_of_the_standard_mean_what_it_says")),
)  # fmt: skip

NOT_OURS: tuple[tuple[str, str], ...] = (
    ("4.3.1, 6.9.3", "what binds who makes its table or window smaller: the server never does"),
    ("5.1", "reserved streams: the server promises none"),
    ("6.6, 8.4", "push: the server pushes nothing"),
    ("8.1", "interim answers: the server sends none"),
    ("8.2.3", "cookies joined for servers of HTTP in general: calls of gRPC know none"),
    ("8.3.1", "`:authority` and `host` that differ (a SHOULD): neither decides anything here"),
    ("8.3.1", "what binds intermediaries"),
)  # fmt: skip


def render() -> str:
    """Return the table as Markdown."""
    lines = [
        "# What HTTP/2 demands of a server, and which test holds it",
        "",
        "Every MUST of RFC 9113 (3 to 6, 8) and of RFC 7541 that binds a server; sections of the",
        "latter begin with 7541. Written by `python -m tests.doors.http2.rules`; `test_rules` checks",
        "that every test exists and every case of the tables has its row.",
        "",
        "| section | it says | tests |",
        "|---|---|---|",
    ]
    for rule in RULES:
        names = "<br>".join(f"`{name}`" for name in rule.tests)
        lines.append(f"| {rule.section} | {rule.says} | {names} |")
    lines += ["", "What binds others, or what this server never does:", ""]
    lines += [f"- {section}: {says}" for section, says in NOT_OURS]
    return "\n".join(lines) + "\n"


def main() -> None:
    """Write the document."""
    DOCUMENT.write_text(render(), encoding="utf-8")


if __name__ == "__main__":
    main()
