"""A real nginx in front of a site."""

from __future__ import annotations

import subprocess
import tempfile
from pathlib import Path
from typing import Self

from tests.ports import reserve_port
from tests.setup.tools import find_nginx
from tests.site import Site

CONFIG = """
daemon off;
master_process off;
pid {folder}/nginx.pid;
error_log stderr warn;
events {{ worker_connections 64; }}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    server {{
        listen 127.0.0.1:{port} {tls};
        {certificate}
        location / {{
            proxy_pass {upstream};
            proxy_http_version 1.1;
            proxy_set_header Host $host;
            proxy_set_header Connection "";
            proxy_set_header X-Forwarded-For $remote_addr;
            {options}
        }}
    }}
}}
"""


class Nginx:
    """One nginx on a free port; `options` are those of its only location."""

    def __init__(self, site: Site, options: str = "", *, certificate: Path | None = None) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="ng-")
        self._site = site
        self.port = reserve_port()
        self.url = f"{'https' if certificate else 'http'}://127.0.0.1:{self.port}"
        given = f"ssl_certificate {certificate}; ssl_certificate_key {certificate};"
        config = CONFIG.format(
            folder=self._folder.name,
            port=self.port,
            tls="ssl http2" if certificate else "",
            certificate=given if certificate else "",
            upstream=site.url,
            options=options,
        )
        self._config_path = Path(self._folder.name) / "nginx.conf"
        self._config_path.write_text(config, encoding="utf-8")
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        program = [find_nginx(), "-e", "stderr", "-p", self._folder.name]
        self._process = subprocess.Popen([*program, "-c", str(self._config_path)])
        self._site.wait(self._listens, "nginx listens")
        return self

    def __exit__(self, *raised: object) -> None:
        assert self._process is not None
        self._process.terminate()
        self._process.wait(5)
        self._folder.cleanup()

    def _listens(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, "nginx has ended"
        rows = Path("/proc/net/tcp").read_text("ascii").splitlines()[1:]
        return any(row.split()[1].endswith(f":{self.port:04X}") for row in rows)
