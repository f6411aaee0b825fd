"""Bytes in, values out: `parse` reads any message and never raises."""

from __future__ import annotations

from gateway.parse.as_json import as_json
from gateway.parse.message import parse, salvage
from gateway.parse.parsed import Address, Bounce, BouncedRecipient, File, Parsed
from gateway.parse.reply import split_reply

__all__ = ["Address", "Bounce", "BouncedRecipient", "File", "Parsed", "as_json", "parse", "salvage", "split_reply"]
