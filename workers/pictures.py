"""The pictures of a message that a mail shows where they belong, below the text, instead of as files alone."""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import sha256
from io import BytesIO

import imagesize

from store.letters import LetterFile
from templates.contexts import Picture, one_line

SHOWN = frozenset({"image/png", "image/jpeg", "image/gif"})  # what every mail program shows
_WIDEST = 526  # pixels that are left of the frame
_SMALLEST = 32  # icons and pixels that only count are not worth their place
_MOST = 20


def pictures(files: Iterable[tuple[LetterFile, bytes]], seed: str) -> dict[LetterFile, Picture]:
    """The pictures among accepted files that stood in the text of a message. `seed`: what is the mail's alone.

    Their Content-IDs are made here and hold no token, for people forward what they show.
    """
    found: dict[LetterFile, Picture] = {}
    for file, content in files:
        if not file.inline or file.content_type.lower() not in SHOWN or len(found) == _MOST:
            continue
        width, height = _size(content)
        if min(width, height) >= _SMALLEST:
            name = sha256(f"{seed} {len(found)}".encode()).hexdigest()[:32]
            found[file] = Picture(f"{name}@postern", one_line(file.filename, 120), min(width, _WIDEST))
    return found


def _size(content: bytes) -> tuple[int, int]:
    """Pixels, as the picture is turned when it is shown; (0, 0) for what cannot be read."""
    try:
        width, height = imagesize.get(BytesIO(content))
    except Exception:  # the file was judged, but not by this library
        return 0, 0
    return int(width), int(height)
