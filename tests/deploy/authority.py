"""A certificate authority in the machine: Pebble, Let's Encrypt's own one for tests.

It speaks ACME and looks at the domain over port 80, as the real one does.
"""

from __future__ import annotations

import json
import shlex
import subprocess
from pathlib import Path

from tests.deploy.machine import OWN_AUTHORITIES, Machine

DIRECTORY_URL = "https://localhost:14000/dir"
ROOT_URL = "https://localhost:15000/roots/0"
CONFIG = {
    "pebble": {
        "listenAddress": "127.0.0.1:14000",
        "managementListenAddress": "127.0.0.1:15000",
        "certificate": "/etc/pebble/cert.pem",
        "privateKey": "/etc/pebble/key.pem",
        "httpPort": 80,
        "tlsPort": 443,
        "ocspResponderURL": "",
        "externalAccountBindingRequired": False,
    }
}
# It would else refuse one request in twenty, and wait at random, to see how its clients take it.
ENVIRON = ("PEBBLE_VA_NOSLEEP=1", "PEBBLE_WFE_NONCEREJECT=0")


def start_authority(machine: Machine) -> None:
    """Start it; have the machine trust what it signs, and certbot ask it. The machine has curl."""
    folder = machine.root / "etc" / "pebble"
    folder.mkdir()
    _make_certificate(folder)
    machine.write("/etc/pebble/config.json", json.dumps(CONFIG))
    environ = " ".join(f"--setenv={pair}" for pair in ENVIRON)
    machine.run(
        f"cp /etc/pebble/cert.pem {OWN_AUTHORITIES}/pebble.crt && update-ca-certificates && "
        f"systemd-run --unit pebble {environ} pebble -config /etc/pebble/config.json"
    )
    fetch_root = f"curl --silent --fail --insecure {ROOT_URL} || true"
    machine.wait(lambda: "CERTIFICATE" in machine.run(fetch_root), "the authority answers")
    # Its own certificate, and the one that it signs with, which is another at each start.
    machine.run(
        f"curl --silent --fail --insecure {ROOT_URL} > {OWN_AUTHORITIES}/pebble-root.crt"
        " && update-ca-certificates"
    )
    # Not in /etc/letsencrypt, which is certbot's to make.
    machine.write("/root/.config/letsencrypt/cli.ini", f"server = {DIRECTORY_URL}\n")


def _make_certificate(folder: Path) -> None:
    """Make the certificate with which it is itself reached."""
    subprocess.run(
        shlex.split(
            "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2"
            " -subj /CN=localhost -addext subjectAltName=DNS:localhost"
            f" -keyout {folder}/key.pem -out {folder}/cert.pem"
        ),
        capture_output=True,
        check=True,
    )
