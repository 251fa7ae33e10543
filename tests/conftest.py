"""What tests of several folders share: one real Valkey."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.valkey import Valkey


@pytest.fixture(scope="session")
def running_valkey() -> Iterator[Valkey]:
    """Start one server for the whole run."""
    with Valkey() as valkey:
        valkey.start()
        yield valkey


@pytest.fixture
def valkey(running_valkey: Valkey) -> Iterator[Valkey]:
    """Return the running server, empty at the start and mended after each test."""
    running_valkey.make_whole()
    yield running_valkey
    running_valkey.make_whole()


@pytest.fixture
def valkey_url(valkey: Valkey) -> str:
    """Return the address of the running server."""
    return valkey.url
