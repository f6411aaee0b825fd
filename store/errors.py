"""Errors sorted by who must act: wait and try again, change something, or correct the input."""


class PosternError(Exception):
    """The base of every error this product raises on purpose; its text may be shown to a person."""


class Temporary(PosternError):
    """Nobody did wrong; the same request may succeed later (a lock, a full disk, a relay that is down)."""


class Permanent(PosternError):
    """The same request will never succeed."""


class BadInput(Permanent):
    """The caller's data is wrong; the text names the place and what was expected."""


class ConfigError(BadInput):
    """The configuration is wrong; the text names the file, the key and what was expected."""


class NotFound(Permanent):
    """What was named does not exist, or not for this person."""
