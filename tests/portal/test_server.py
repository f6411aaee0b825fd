"""The process: one signal ends it, answers that run are given out first, and its address is checked."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest

from gateway.portal.server import listener
from store.config import Config
from store.errors import ConfigError
from store.settings import PortalSection, Settings
from tests.portal.house import House

SCRIPT = """
import logging, sys
from store.config import load
from store.database import open_store
from gateway.portal.server import run
logging.basicConfig(level=logging.INFO, format="%(message)s")
config = load(sys.argv[1])
store = open_store(config)
run(config, store)
print("the end", file=sys.stderr)
"""


def test_it_serves_until_sigterm_and_then_ends_well(own_house: House) -> None:
    file = Path(own_house.config.file or "")
    env = {"POSTERN_PORTAL__LISTEN": "127.0.0.1:0", "PYTHONPATH": str(Path(__file__).parents[2])}
    process = subprocess.Popen([sys.executable, "-c", SCRIPT, str(file)], env=env, stderr=subprocess.PIPE, text=True)
    assert process.stderr
    opened = process.stderr.readline()
    assert "portal open on http://127.0.0.1:" in opened
    address = opened.split()[-1]
    with pytest.raises(HTTPError) as refused:
        urlopen(f"{address}/t/EQ-1001?x=CANARY", timeout=10)
    assert refused.value.code == 401
    assert "Server" not in refused.value.headers
    process.send_signal(signal.SIGTERM)
    _, told = process.communicate(timeout=15)
    assert process.returncode == 0, told
    assert told.splitlines()[-2:] == ["portal closed", "the end"]
    assert "GET /t/EQ-1001 401" in told and "CANARY" not in told


@pytest.mark.parametrize("listen", ["nonsense", "127.0.0.1:99999", "198.51.100.1:80", ":x"])
def test_an_address_it_cannot_have_is_named(own_house: House, listen: str) -> None:
    config = Config(Settings(portal=PortalSection(listen=listen)), own_house.config.folder)
    with pytest.raises(ConfigError, match=r"portal\.listen"):
        listener(config)
