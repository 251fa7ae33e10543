"""A long search is answered, and one that is too long gets an answer that says so."""

from __future__ import annotations

import socket

import pytest

from tests.site import Site


@pytest.fixture(scope="module")
def site():
    with Site(workers=1) as site:
        yield site


def ask(site, length):
    """Ask for an address of so many characters; return the answer's head and body."""
    path = "/search?q=".ljust(length, "x")
    with socket.create_connection(("127.0.0.1", site.port), timeout=5) as sock:
        sock.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
        received = b""
        while more := sock.recv(65536):
            received += more
    head, _, body = received.decode().partition("\r\n\r\n")
    return head, body


def test_a_search_of_eight_thousand_characters_is_answered(site):
    head, body = ask(site, 8_000)
    assert head.startswith("HTTP/1.1 200 OK")
    assert "Only the beginning of these words was looked for." in body


@pytest.mark.parametrize("length", [8_190, 10_000, 700_000])
def test_a_longer_one_is_told_so(site, length):
    """However long: what was not read yet does not take the answer away."""
    head, body = ask(site, length)
    assert head.startswith("HTTP/1.1 414 URI Too Long")
    assert "Content-Security-Policy: default-src 'none'" in head
    assert f"Content-Length: {len(body.encode())}" in head
    assert "An address may have some 8,000 characters, and this one has more." in body


def test_it_is_logged_without_the_address_of_who_asked(site):
    ask(site, 9_000)
    site.wait(lambda: "Request Line is too large" in site.read_log(), "it is logged")
    lines = [line for line in site.read_log().splitlines() if "too large" in line]
    assert lines
    assert all("127.0.0.1" not in line and "Traceback" not in line for line in lines)


def test_any_other_bad_request_is_gunicorns(site):
    with socket.create_connection(("127.0.0.1", site.port), timeout=5) as sock:
        sock.sendall(b"NOT HTTP AT ALL\r\n\r\n")
        assert sock.recv(1000).startswith(b"HTTP/1.1 400 Bad Request")
