"""The journal's two tables as SQLAlchemy Core sees them; see `schema`."""

from __future__ import annotations

from store.tables.columns import core
from store.tables.journal import Journal as _Journal
from store.tables.journal import Received as _Received

Received = core(_Received)
Journal = core(_Journal)
JOURNAL = (Received, Journal)
