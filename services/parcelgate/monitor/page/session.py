"""Signing in to the page: the API key goes into a cookie that scripts cannot read and other sites cannot send."""

from urllib.parse import parse_qs, urlsplit

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from parcelgate.monitor.door import COOKIE

# An API key is far shorter; whoever sends more is not signing in.
_MOST_BYTES = 4096


async def key_in_form(request: Request) -> str:
    """Return the key that a sign-in form holds; empty if it holds none or is no such form."""
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > _MOST_BYTES:
            return ""
    try:
        values = parse_qs(body.decode("utf-8"), max_num_fields=4)
    except ValueError:
        return ""
    return values.get("key", [""])[0].strip()


def is_foreign(request: Request) -> bool:
    """Tell whether a form came from another site; browsers say so of themselves."""
    if (said := request.headers.get("sec-fetch-site")) is not None:
        return said not in ("same-origin", "none")
    # Older browsers, and those that came unencrypted, tell at least where the form stood.
    origin = request.headers.get("origin")
    return origin is not None and urlsplit(origin).netloc != request.headers.get("host", "")


def signed_in(request: Request, key: str) -> Response:
    """Answer with the cookie; it ends with the browser, and travels only encrypted where the page did."""
    answer = RedirectResponse("/", 303)
    answer.set_cookie(COOKIE, key, httponly=True, samesite="strict", secure=request.url.scheme == "https")
    return answer


def signed_out() -> Response:
    """Answer by taking the cookie away."""
    answer = RedirectResponse("/login", 303)
    answer.delete_cookie(COOKIE, httponly=True, samesite="strict")
    return answer
