"""Rounds that once failed, as they were: a seed means another round when `plans` changes. They are played first."""

from __future__ import annotations

from tests.crash.plans import Plan

REGRESSIONS = (
    # A worker died beside its sending thread, at O3, while that thread's mail was with the relay.
    Plan(11, 100, "O3", {"worker": ("O3:3",)}, depth=2, extras=("files", "bounce"), probe=True),
    # A worker that died twice at O8 has a second sending thread in its later lives.
    Plan(21, 29, "again", {"worker": ("O8:1", "O8:1")}, depth=2),
    # A row that had just been claimed was taken for one left by a death, and given to a second thread.
    Plan(303, 1372, "O8", {"worker": ("O8:3",)}, depth=2, extras=("lmtp", "automatic"), probe=True),
)
