"""Send a finished answer: by the server's own way, or under gunicorn in one piece."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from gunicorn.http.wsgi import Response

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse

Headers = list[tuple[str, str]]


@dataclass(slots=True)
class Answer:
    """Status, headers and body of a finished answer."""

    status: str
    headers: Headers
    body: bytes = b""
    head: bytes = field(init=False)  # the headers as they are sent

    def __post_init__(self) -> None:
        lines = "".join(f"{name}: {value}\r\n" for name, value in self.headers)
        self.head = f"{lines}\r\n".encode("latin-1")


def send(answer: Answer, start_response: StartResponse, *, is_head: bool) -> Iterable[bytes]:
    """Answer a request; what is returned is for the server, as a WSGI application's result.

    gunicorn checks each header with two patterns for each answer, and sends head and body apart: a
    quarter of what a page costs. Where `start_response` is gunicorn's for HTTP/1, its response is
    told what it would find out, and all is sent at once. It still writes the status line, `Date`,
    `Server` and `Connection`, keeps the connection or closes it, and logs.
    """
    body = b"" if is_head else answer.body
    response = getattr(start_response, "__self__", None)
    if type(response) is not Response:
        start_response(answer.status, [*answer.headers])
        return [body] if body else []
    response.status, response.status_code = answer.status, int(answer.status[:3])
    response.headers, response.response_length = answer.headers, len(answer.body)
    lead = "".join(response.default_headers()).encode("latin-1")
    response.sock.sendall(b"".join((lead, answer.head, body)))
    response.headers_sent = True
    response.sent = len(body)
    return []
