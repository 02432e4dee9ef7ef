"""A headless Chromium, driven as a reader drives one: real pointer and keys, pictures, a printout, and its complaints.

It is spoken to in the DevTools protocol (chromedevtools.github.io/devtools-protocol) over two pipes: messages in JSON,
each ended by a NUL byte; no port is opened and no library is needed.
"""

from __future__ import annotations

import base64
import contextlib
import fcntl
import json
import os
import select
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

CHROMIUM = next(
    (found for name in ("chromium", "chromium-browser", "google-chrome") if (found := shutil.which(name))), ""
)

FLAGS = (
    "--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--hide-scrollbars", "--remote-debugging-pipe",
)  # fmt: skip

KEYS = {
    "Tab": 9,
    "Enter": 13,
    "Escape": 27,
    "ArrowLeft": 37,
    "ArrowUp": 38,
    "ArrowRight": 39,
    "ArrowDown": 40,
}
"""The virtual key codes of keys that write nothing."""

TIMEOUT_S = 120.0


class Browser:
    """One page of a browser.

    Attributes:
        complaints: what the page wrote to the console, threw, or what was refused to it.
        requests: addresses that it asked for, but for its own file.
    """

    def __init__(self, profile: Path) -> None:
        to_us, from_browser = os.pipe()
        from_us, to_browser = os.pipe()
        # The browser reads from 3 and writes to 4; the pipes must not have these numbers themselves.
        ends = [fcntl.fcntl(end, fcntl.F_DUPFD, 10) for end in (from_us, from_browser)]

        def wire() -> None:
            os.dup2(ends[0], 3)
            os.dup2(ends[1], 4)

        self._process = subprocess.Popen(
            [CHROMIUM, *FLAGS, f"--user-data-dir={profile}", "about:blank"],
            pass_fds=(3, 4),
            preexec_fn=wire,
            stderr=subprocess.DEVNULL,
        )
        for end in (from_us, from_browser, *ends):
            os.close(end)
        self._read, self._write = to_us, to_browser
        self._number = 0
        self._rest = b""
        self._url = ""
        self.complaints: list[str] = []
        self.requests: list[str] = []
        self._session: str | None = None
        try:
            self._begin()
        except RuntimeError:
            self.close()
            raise

    def _begin(self) -> None:
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")

    def call(self, method: str, /, **parameters: object) -> Any:
        """The result of a command of the protocol.

        Raises:
            RuntimeError: the browser refused it, ended, or did not answer in time.
        """
        self._number += 1
        message: dict[str, object] = {"id": self._number, "method": method, "params": parameters}
        if self._session is not None:
            message["sessionId"] = self._session
        os.write(self._write, json.dumps(message).encode() + b"\0")
        for answer in self._messages():
            if answer.get("id") == self._number:
                if "error" in answer:
                    raise RuntimeError(f"{method}: {answer['error']}")
                return answer["result"]
        raise AssertionError

    def _messages(self) -> Iterator[dict[str, Any]]:
        end = time.monotonic() + TIMEOUT_S
        while True:
            message, sign, rest = self._rest.partition(b"\0")
            if sign:
                self._rest = rest
                answer = json.loads(message)
                self._note(answer)
                yield answer
                continue
            ready, _, _ = select.select([self._read], [], [], max(end - time.monotonic(), 0))
            part = os.read(self._read, 1 << 20) if ready else b""
            if not part:
                raise RuntimeError("the browser has ended" if ready else "the browser does not answer")
            self._rest += part

    def _note(self, message: dict[str, Any]) -> None:
        method, told = message.get("method"), message.get("params", {})
        if method == "Runtime.consoleAPICalled":
            self.complaints.append(json.dumps(told["args"]))
        elif method == "Runtime.exceptionThrown":
            self.complaints.append(json.dumps(told["exceptionDetails"]))
        elif method == "Log.entryAdded":
            self.complaints.append(told["entry"]["text"])
        elif method == "Page.javascriptDialogOpening":
            self.complaints.append(f"dialog: {told['message']}")
        elif method == "Network.requestWillBeSent":
            url = told["request"]["url"]
            if url.partition("#")[0] != self._url and not url.startswith("data:"):
                self.requests.append(url)

    def open(
        self, path: Path, *, width: int = 1280, height: int = 900, hash_: str = "", dark: bool = False
    ) -> None:
        """Show a file in a window of that size, as soon as it is loaded."""
        self.call(
            "Emulation.setDeviceMetricsOverride",
            width=width, height=height, deviceScaleFactor=1, mobile=width < 600,
        )  # fmt: skip
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.call("Emulation.setEmulatedMedia", features=[scheme])
        self.call("Page.navigate", url="about:blank")
        self._url = path.resolve().as_uri()
        self.call("Page.navigate", url=self._url + hash_)
        there = f"document.readyState === 'complete' && location.href.startsWith({json.dumps(self._url)})"
        end = time.monotonic() + TIMEOUT_S
        while not self._holds(there):
            if time.monotonic() > end:
                raise RuntimeError(f"{path} is not loaded")
            time.sleep(0.01)
        self.settle()

    def _holds(self, condition: str) -> bool:
        """Whether a condition holds; not while one page gives way to another."""
        try:
            return bool(self.run(condition))
        except RuntimeError:
            return False

    def settle(self) -> None:
        """Wait until what was done is painted."""
        self.run("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(() => done(1))))")

    def run(self, expression: str) -> Any:
        """The value of an expression in the page.

        Raises:
            RuntimeError: it throws.
        """
        answer = self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in answer:
            raise RuntimeError(json.dumps(answer["exceptionDetails"]))
        return answer["result"].get("value")

    def middle(self, selector: str, number: int = 0) -> tuple[float, float]:
        """Where the pointer finds an element that is shown, after scrolling to it."""
        at = self.run(
            f"""(() => {{
              const shown = [...document.querySelectorAll({json.dumps(selector)})]
                .filter(e => e.getClientRects().length);
              const e = shown[{number}];
              e.scrollIntoView({{block: "center"}});
              const box = e.getBoundingClientRect();
              return [box.x + box.width / 2, box.y + box.height / 2];
            }})()"""
        )
        return at[0], at[1]

    def hover(self, selector: str, number: int = 0) -> None:
        """Move the pointer onto an element."""
        x, y = self.middle(selector, number)
        self.call("Input.dispatchMouseEvent", type="mouseMoved", x=x, y=y)
        self.settle()

    def click(self, selector: str, number: int = 0) -> None:
        """Press and release the pointer on an element."""
        x, y = self.middle(selector, number)
        for kind in ("mouseMoved", "mousePressed", "mouseReleased"):
            self.call("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1)
        self.settle()

    def press(self, key: str) -> None:
        """Press and release a key: one of `KEYS`, or a character."""
        told: dict[str, object] = {"key": key, "code": key}
        if key in KEYS:
            told["windowsVirtualKeyCode"] = KEYS[key]
        if key == "Enter" or key not in KEYS:
            told["text"] = "\r" if key == "Enter" else key
        self.call("Input.dispatchKeyEvent", type="keyDown", **told)
        self.call("Input.dispatchKeyEvent", type="keyUp", **told)
        self.settle()

    def type(self, text: str) -> None:
        """Write into what has the focus."""
        self.call("Input.insertText", text=text)
        self.settle()

    def picture(self, path: Path, *, whole: bool = True) -> None:
        """A PNG of the page, or of what the window shows of it."""
        taken = self.call("Page.captureScreenshot", format="png", captureBeyondViewport=whole)
        path.write_bytes(base64.b64decode(taken["data"]))

    def printout(self, path: Path) -> None:
        """A PDF of the page on A4."""
        made = self.call("Page.printToPDF", paperWidth=8.27, paperHeight=11.69, printBackground=False)
        path.write_bytes(base64.b64decode(made["data"]))

    def close(self) -> None:
        """End the browser."""
        with contextlib.suppress(RuntimeError, OSError):
            self._session = None
            self.call("Browser.close")
        os.close(self._read)
        os.close(self._write)
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
