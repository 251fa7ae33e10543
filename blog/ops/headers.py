"""Headers that every response carries: what a browser may do with it, and how long it keeps it."""

from __future__ import annotations

from flask import Flask, Response, request

from blog.config import Settings

# Pictures and films may come from anywhere over https, because posts embed them; all else is ours,
# or of a site that a setting names.
# No 'unsafe-inline' and no 'unsafe-eval': no style attribute, no hx-on, no trigger filter.
_POLICY = {
    "default-src": "'none'",
    "script-src": "'self'",
    "style-src": "'self'",
    "img-src": "'self' https: data:",
    "media-src": "'self' https:",
    "font-src": "'self'",
    "connect-src": "'self'",
    "manifest-src": "'self'",
    "form-action": "'self'",
    "base-uri": "'none'",
    "frame-ancestors": "'none'",
}


def write_policy(settings: Settings) -> str:
    """Return the Content-Security-Policy, with the sites that the settings name."""
    policy = dict(_POLICY)
    for directive, hosts in (
        ("script-src", settings.script_hosts),
        ("connect-src", settings.script_hosts),
        ("form-action", settings.form_hosts),
        ("frame-src", settings.frame_hosts),
    ):
        if hosts:
            policy[directive] = " ".join([*policy.get(directive, "").split(), *hosts])
    return "; ".join(f"{directive} {sources}" for directive, sources in policy.items())


# Features that a blog has no use for; `interest-cohort` and the like are gone from browsers.
PERMISSIONS_POLICY = ", ".join(
    f"{feature}=()"
    for feature in (
        "browsing-topics",
        "camera",
        "display-capture",
        "geolocation",
        "microphone",
        "payment",
        "usb",
    )
)

_SECURITY_HEADERS = {
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": PERMISSIONS_POLICY,
    "Referrer-Policy": "strict-origin-when-cross-origin",
    "X-Content-Type-Options": "nosniff",
}


def security_headers(settings: Settings) -> dict[str, str]:
    """Return what tells a browser what it may do with an answer."""
    return {"Content-Security-Policy": write_policy(settings), **_SECURITY_HEADERS}


# Types that no browser shows as a page of its own, so a policy for pages has no effect.
PART_TYPES = frozenset(["text/css", "text/javascript", "font/woff2"])
PART_HEADERS = frozenset(["X-Content-Type-Options"])

# One year. Sent only over https (RFC 6797, 7.2: never over http), not where the blog's own address
# is http, and only for this host: whether every sub-domain has TLS is not ours to know.
STRICT_TRANSPORT_SECURITY = "max-age=31536000"


def install_headers(app: Flask, settings: Settings) -> None:
    """Add the security headers, and let browsers ask again for what they have.

    Everything but a stream gets the security headers; a part of a page, only those that mean
    something to it: half a kilobyte less for each. A whole 200 answer to GET or HEAD gets an
    ETag over its body and `Cache-Control: no-cache`, and is answered 304 if the browser has it: the
    numbers on a page change, so it is always asked for, but seldom sent. What set either header
    itself (static files do) keeps it.
    """

    headers = security_headers(settings)

    def add_headers(response: Response) -> Response:
        if response.mimetype == "text/event-stream":
            return response
        for name, value in headers.items():
            if response.mimetype not in PART_TYPES or name in PART_HEADERS:
                response.headers.setdefault(name, value)
        if request.is_secure and not settings.site_url.startswith("http:"):
            response.headers.setdefault("Strict-Transport-Security", STRICT_TRANSPORT_SECURITY)
        response.headers.setdefault("Cache-Control", "no-cache")
        if response.mimetype == "text/html":
            response.vary.add("Accept-Encoding")  # the page cache compresses
        may_compare = request.method in ("GET", "HEAD") and response.status_code == 200
        # What is empty here is filled in and tagged by the page cache.
        if may_compare and response.content_length and "ETag" not in response.headers:
            response.add_etag()
            response.make_conditional(request)
            # Set by make_conditional(), and once more by the server.
            response.headers.pop("Date", None)
        return response

    app.after_request(add_headers)
