"""Real mail servers for tests; where they are not installed, the tests say so and skip."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.peers.dovecot import HAS_DOVECOT, Dovecot


@pytest.fixture(scope="session")
def dovecot() -> Iterator[Dovecot]:
    """One for all tests, each of which takes a user of its own."""
    if not HAS_DOVECOT:
        pytest.skip("no dovecot and doveadm on this machine (Debian: dovecot-imapd dovecot-lmtpd)")
    with Dovecot() as running:
        yield running
