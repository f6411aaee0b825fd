"""A real Chromium, driven over its debugging pipe: pages as people see them, without a driver to install."""

from __future__ import annotations

import json
import os
import select
import shutil
import subprocess
import tempfile
from base64 import b64decode
from pathlib import Path
from typing import Any

FLAGS = (
    "--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage", "--remote-debugging-pipe",
)  # fmt: skip


def chromium() -> str | None:
    """Where Chromium is, if it is."""
    return shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


class Browser:
    """One tab; a context manager."""

    def __enter__(self) -> Browser:
        self._folder = tempfile.mkdtemp(prefix="postern-browser-")
        to_read, self._out = os.pipe()
        self._in, to_write = os.pipe()
        # Chromium reads commands from descriptor 3 and writes to 4; bash moves the pipes there.
        command = ["bash", "-c", f'exec "$0" "$@" 3<&{to_read} 4>&{to_write}', chromium() or "", *FLAGS]
        self._process = subprocess.Popen(
            [*command, f"--user-data-dir={self._folder}", "about:blank"], pass_fds=(to_read, to_write),
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL,
        )  # fmt: skip
        os.close(to_read)
        os.close(to_write)
        self._number, self._rest, self._session = 0, b"", None
        self.events: list[dict[str, Any]] = []
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Network", "Log"):
            self.call(f"{domain}.enable")
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._out)
        self._process.terminate()
        self._process.wait(10)
        os.close(self._in)
        shutil.rmtree(self._folder, ignore_errors=True)

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """One command of the DevTools protocol."""
        self._number += 1
        message = {"id": self._number, "method": method, "params": parameters}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._out, json.dumps(message).encode() + b"\0")
        while (answer := self._next()).get("id") != self._number:
            self.events.append(answer)
        assert "error" not in answer, answer
        return dict(answer["result"])

    def _next(self) -> dict[str, Any]:
        while b"\0" not in self._rest:
            assert select.select([self._in], [], [], 30)[0], "Chromium says nothing"
            chunk = os.read(self._in, 1 << 16)
            assert chunk, "Chromium ended"
            self._rest += chunk
        line, _, self._rest = self._rest.partition(b"\0")
        return dict(json.loads(line))

    def open(self, url: str) -> None:
        """Goes to an address and waits until the page is there."""
        self.events.clear()
        if "loaderId" not in self.call("Page.navigate", url=url):
            self.call("Page.reload")  # another fragment of the same page
        self.loaded()

    def loaded(self) -> None:
        """Waits for the page that is on its way."""
        while not any(event.get("method") == "Page.loadEventFired" for event in self.events):
            self.events.append(self._next())

    def submit(self, **values: str) -> None:
        """Fills in the form by its names and presses its button."""
        for name, value in values.items():
            self.run(f"document.querySelector('input[name={name}]').value = {json.dumps(value)}")
        self.click("document.querySelector('main form button')")

    def submit_sign_out(self) -> None:
        """Presses the button in the bar."""
        self.click("document.querySelector('.bar form button')")

    def click(self, element: str) -> None:
        """Clicks what an expression names, and waits for the page it leads to."""
        self.events.clear()
        self.run(f"{element}.click()")
        self.loaded()

    def run(self, script: str) -> Any:
        """The value of an expression in the page; the page's own policy does not bind the debugger."""
        return self.call("Runtime.evaluate", expression=script, returnByValue=True)["result"].get("value")

    def look(self, width: int, height: int = 900, dark: bool = False) -> None:
        """The size of the window and the colours asked for."""
        mobile = width < 600
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=mobile)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.call("Emulation.setEmulatedMedia", features=[scheme])

    def picture(self, file: Path, full: bool = True) -> None:
        """Writes the page as PNG."""
        data = self.call("Page.captureScreenshot", captureBeyondViewport=full)["data"]
        file.write_bytes(b64decode(data))

    def requests(self) -> list[str]:
        """Every address the page asked for since it was opened."""
        sent = (event for event in self.events if event.get("method") == "Network.requestWillBeSent")
        return [event["params"]["request"]["url"] for event in sent]
