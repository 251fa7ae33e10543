"""Which coding a request gets, and that a page compressed in pieces is the page."""

from __future__ import annotations

import gzip

import pytest

from blog.pages.cache.fast_send import choose_codings, deflate, store, write_gzip
from blog.placeholders import join

PAGE = b"<p>The quick brown fox jumps over the lazy dog.</p>\n" * 200


@pytest.mark.parametrize(
    ("header", "codings"),
    [
        ("", ["identity"]),
        ("gzip, deflate, br, zstd", ["gzip", "identity"]),
        ("gzip", ["gzip", "identity"]),
        ("GZIP;q=1.0", ["gzip", "identity"]),
        ("br, gzip;q=0.001", ["gzip", "identity"]),
        ("identity, gzip;q=0.5", ["identity", "gzip"]),
        ("*", ["gzip", "identity"]),
        ("*;q=0.1, identity", ["identity", "gzip"]),
        ("gzip, *;q=0", ["gzip"]),
        ("gzip, identity;q=0", ["gzip"]),
        ("br, identity;q=0", ["identity"]),
        ("identity;q=0", ["identity"]),
        ("*;q=0", ["identity"]),
        ("deflate, zstd", ["identity"]),
        ("gzip;q=two", ["identity"]),
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
    encoded = tuple(text.encode() for text in texts)
    whole = join(tuple(pieces), encoded)
    assert gzip.decompress(write_gzip(join(deflate(pieces), store(encoded)), whole)) == whole


def test_the_pieces_are_compressed_and_may_be_used_again():
    deflated = deflate([PAGE, PAGE])
    for text in (b"9", b"10 readers online", b""):
        whole = PAGE + text + PAGE
        packed = write_gzip(join(deflated, store([text])), whole)
        assert len(packed) < 300
        assert gzip.decompress(packed) == whole
