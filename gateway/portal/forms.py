"""Forms: their fields, the token that ties one to the browser it was shown in, where a POST came from (threats 67)."""

from __future__ import annotations

from urllib.parse import parse_qsl, urlsplit

from itsdangerous import BadData, URLSafeSerializer
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request

from gateway.portal.sessions import SIGNED
from store.clock import Clock

OPEN_FOR = 12 * 3600  # seconds a form may stay open before it is sent
_LARGEST = 16 * 1024  # bytes of a form
_MOST_FIELDS = 50
_MOST_FILES = 20


class Forms:
    """Makes and checks form tokens. `binding` is what only this browser sends back: a session id or a visit."""

    def __init__(self, secret: bytes, clock: Clock) -> None:
        self._clock = clock
        self._serializer = URLSafeSerializer(secret, salt="postern.portal.form", signer_kwargs=SIGNED)

    def token(self, purpose: str, binding: str) -> str:
        """The value of the hidden field."""
        return str(self._serializer.dumps([purpose, binding, int(self._clock().timestamp())]))

    def valid(self, token: str, purpose: str, binding: str) -> bool:
        """True for a token of this purpose, shown to this browser, not too long ago."""
        try:
            told, bound, made = self._serializer.loads(token)
        except (BadData, TypeError, ValueError):
            return False
        age = self._clock().timestamp() - made
        return bool(binding) and (told, bound) == (purpose, binding) and -60 <= age <= OPEN_FOR


async def files(request: Request, largest: int) -> tuple[dict[str, str], list[UploadFile]]:
    """The fields and files of a form with files, of `largest` bytes in all. Raises HTTPException as `fields` does."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "multipart/form-data":
        raise HTTPException(400)
    length = request.headers.get("content-length", "")
    if not length.isascii() or not length.isdigit():
        raise HTTPException(411)  # RFC 9110 15.5.12: what has no length has no end
    if int(length) > largest:
        raise HTTPException(413)
    try:
        form = await request.form(max_files=_MOST_FILES, max_fields=_MOST_FIELDS)
    except ClientDisconnect:
        raise HTTPException(400) from None
    texts = {name: value for name, value in form.multi_items() if isinstance(value, str)}
    return texts, [value for _, value in form.multi_items() if isinstance(value, UploadFile) and value.filename]


async def fields(request: Request) -> dict[str, str]:
    """The fields of a form. Raises HTTPException for one that is too large or not a form."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/x-www-form-urlencoded":
        raise HTTPException(400)
    body = b""
    try:
        async for chunk in request.stream():
            body += chunk
            if len(body) > _LARGEST:
                raise HTTPException(413)
    except ClientDisconnect:
        raise HTTPException(400) from None
    try:
        text = body.decode("ascii")
        return dict(parse_qsl(text, keep_blank_values=True, max_num_fields=_MOST_FIELDS, errors="strict"))
    except ValueError:
        raise HTTPException(400) from None


def from_own_page(request: Request, base_url: str) -> bool:
    """False when the browser says that another site sent this POST.

    Sec-Fetch-Site is absent in old browsers and without TLS outside of localhost; Origin is then `null`, because our
    pages send no referrer (Fetch 3.2). What says nothing is left to the token.
    """
    site = request.headers.get("sec-fetch-site")
    if site is not None:
        return site in ("same-origin", "none")
    origin = request.headers.get("origin")
    if origin in (None, "null"):
        return True
    return origin == _origin(base_url) or urlsplit(str(origin)).netloc == request.headers.get("host")


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"
