"""Which coding a request gets, and that what is packed in pieces unpacks to the page."""

from __future__ import annotations

import gzip

import brotli
import pytest

from blog.pages.packing import BrotliShare, choose_codings, deflate_pieces, write_gzip

PAGE = b"<p>The quick brown fox jumps over the lazy dog.</p>\n" * 200


@pytest.mark.parametrize(
    ("header", "codings"),
    [
        ("", ["identity"]),
        ("gzip, deflate, br, zstd", ["br", "gzip", "identity"]),
        ("gzip", ["gzip", "identity"]),
        ("GZIP;q=1.0", ["gzip", "identity"]),
        ("gzip;q=1.0, br;q=0.5", ["gzip", "br", "identity"]),
        ("br;q=0, gzip;q=0.001", ["gzip", "identity"]),
        ("identity, gzip;q=0.5", ["identity", "gzip"]),
        ("*", ["br", "gzip", "identity"]),
        ("*;q=0.1, gzip", ["gzip", "br", "identity"]),
        ("br, *;q=0", ["br"]),
        ("br, identity;q=0", ["br"]),
        ("identity;q=0", ["identity"]),
        ("*;q=0", ["identity"]),
        ("deflate, zstd", ["identity"]),
        ("br;q=two", ["identity"]),
        (", ,;q=1,=\x00", ["identity"]),
    ],
)
def test_the_best_coding_comes_first(header, codings):
    assert list(choose_codings(header)) == codings


@pytest.mark.parametrize(
    ("pieces", "texts"),
    [
        ([PAGE], []),
        ([b""], []),
        ([PAGE, b"</p>", PAGE], ["1", "22 reading now"]),
        ([PAGE, PAGE], [""]),
        ([b"", b"", b""], ["é", "\U0001f600"]),
        ([PAGE, PAGE], ["x" * 65_535]),
        ([PAGE, PAGE], ["x" * 200_000]),
    ],
    ids=range(7),
)
def test_a_page_in_pieces_unpacks_to_the_page(pieces, texts):
    whole = pieces[0] + b"".join(
        text.encode() + piece for text, piece in zip(texts, pieces[1:], strict=True)
    )
    assert gzip.decompress(write_gzip(deflate_pieces(pieces), texts, whole)) == whole


def test_the_pieces_are_compressed_and_may_be_used_again():
    deflated = deflate_pieces([PAGE, PAGE])
    for text in ("9", "10 readers online", ""):
        packed = write_gzip(deflated, [text], PAGE + text.encode() + PAGE)
        assert len(packed) < 300
        assert gzip.decompress(packed) == PAGE + text.encode() + PAGE


def test_brotli_rests_nineteen_times_as_long_as_it_works():
    readings = iter([1.0, 3.0, 40.9, 41.0])
    share = BrotliShare(now=lambda: next(readings))
    assert brotli.decompress(share.compress(PAGE)) == PAGE  # from 1.0 to 3.0
    assert not share.is_open()  # at 40.9
    assert share.is_open()  # at 41.0
