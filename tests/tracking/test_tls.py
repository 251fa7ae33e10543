"""The three forms with TLS, on Debian's Redis: the Valkey of the tests is built without it."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from flask_presence.tracking.redis_link import FAILURES, connect
from flask_presence.tracking.slot import Write
from flask_presence.tracking.store import Store
from flask_presence.tracking.values import Version
from tests.redis_cluster import Cluster
from tests.redis_servers import SentinelPair, TwoServers

pytestmark = pytest.mark.full

PUT = Write(None, Version("e1", 0))


def make_certificate(folder: Path) -> Path:
    """Make a certificate of this machine, signed by itself; return the file with it and its key."""
    certificate, key = folder / "certificate.pem", folder / "key.pem"
    command = "openssl req -x509 -nodes -days 2 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1"
    names = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"]
    subprocess.run(
        [*command.split(), *names, "-keyout", key, "-out", certificate],
        check=True,
        capture_output=True,
    )
    with certificate.open("a") as both:
        both.write(key.read_text())
    return certificate


@pytest.fixture(scope="module")
def certificate(tmp_path_factory) -> Path:
    """Return the certificate of the servers."""
    return make_certificate(tmp_path_factory.mktemp("tls"))


@pytest.fixture(params=[TwoServers, SentinelPair, Cluster])
def tls_url(request, certificate: Path) -> Iterator[str]:
    """Return the address of a server, a watched pair, and a cluster in turn."""
    with request.param(certificate=certificate) as servers:
        servers.start()
        yield servers.url.replace("redis", "rediss", 1)


def test_a_server_is_believed_by_its_certificate_only(tls_url, certificate, tmp_path):
    """Sentinels and nodes, too. Without the right one no call succeeds."""
    store = Store(connect(f"{tls_url}?ssl_ca_certs={certificate}"), "{test}")
    subscription = store.subscribe()
    assert subscription.receive(2.0) == ("subscribe", b"")
    assert store.write("w1", PUT, lease_seconds=5.0)
    received = subscription.receive(2.0)
    assert received is not None
    assert received[0] == "message"
    subscription.close()
    store.close()
    for options in ("", f"?ssl_ca_certs={make_certificate(tmp_path)}"):
        store = Store(connect(tls_url + options), "{test}")
        with pytest.raises(FAILURES, match="certificate verify failed"):
            store.digest()
        store.close()
