"""Compression, limits and strict JSON; contexts of zstd in many threads."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from campus_wire import frames
from campus_wire.errors import MalformedError
from campus_wire.limits import DECODED_BYTES_MAX, PAYLOAD_BYTES_MAX


@given(st.binary(max_size=5_000).filter(lambda data: not data.startswith(frames.ZSTD_MAGIC)))
def test_what_is_packed_comes_back_and_never_grows(document: bytes) -> None:
    packed = frames.pack(document)

    assert frames.unpack(packed) == document
    assert len(packed) <= len(document)


@given(st.binary(max_size=20_000), st.booleans())
def test_every_way_to_compress_is_read(document: bytes, sized: bool) -> None:
    packed = zstandard.ZstdCompressor(write_content_size=sized).compress(document)

    assert frames.unpack(packed) == document


def test_a_document_of_the_largest_size_is_taken_and_one_byte_more_is_not() -> None:
    for sized in (True, False):
        compressor = zstandard.ZstdCompressor(write_content_size=sized)
        assert len(frames.unpack(compressor.compress(bytes(DECODED_BYTES_MAX)))) == (
            DECODED_BYTES_MAX
        )
        with pytest.raises(MalformedError):
            frames.unpack(compressor.compress(bytes(DECODED_BYTES_MAX + 1)))


def test_nothing_too_large_is_packed() -> None:
    with pytest.raises(MalformedError) as caught:
        frames.pack(bytes(DECODED_BYTES_MAX + 1))
    assert caught.value.reason == "decoded_too_large"
    with pytest.raises(MalformedError) as caught:
        frames.pack(os.urandom(PAYLOAD_BYTES_MAX + 1))
    assert caught.value.reason == "payload_too_large"


def test_a_frame_that_claims_terabytes_allocates_nothing() -> None:
    # magic, descriptor with an 8-byte content size and a single segment, then the size
    lie = frames.ZSTD_MAGIC + b"\xe0" + (2**42).to_bytes(8, "little") + b"\x01\x00\x00"

    with pytest.raises(MalformedError) as caught:
        frames.unpack(lie)
    assert caught.value.reason == "decoded_too_large"


def test_threads_do_not_disturb_each_other() -> None:
    documents = [bytes([n]) * 3_000 + os.urandom(500) for n in range(64)]

    def round_trips(document: bytes) -> bool:
        return all(frames.unpack(frames.pack(document)) == document for _ in range(50))

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(round_trips, documents))


@given(st.text(alphabet='[]{}"\\:,a0 \n', max_size=80))
def test_brackets_in_text_do_not_count_as_nesting(text: str) -> None:
    document = ('{"a":' + _quoted(text) + "}").encode()

    assert frames.parse_strict(document) == {"a": text}


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'


def test_a_long_unfinished_string_is_refused_in_linear_time() -> None:
    for document in (b'"' * 2_000_001, b'{"a":"' + b'\\"[' * 1_000_000, b'"' + b"\\" * 3_000_000):
        with pytest.raises(MalformedError):
            frames.parse_strict(document)
