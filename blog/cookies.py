"""The names of cookies."""


def name_cookie(name: str, path: str, *, is_secure: bool) -> str:
    """Return what a cookie is called: over https so that http cannot set it (RFC 6265bis, 4.1.3).

    One for the whole host is `__Host-`: no other name of the domain can set it, either. A browser
    takes that for no shorter path.
    """
    if not is_secure:
        return name
    return f"__Host-{name}" if path == "/" else f"__Secure-{name}"
