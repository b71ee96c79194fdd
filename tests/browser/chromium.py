"""Debian's Chromium without a window, driven through a pair of pipes by its DevTools protocol: no socket, no driver."""

import fcntl
import json
import os
import select
import shutil
import signal
import time
from pathlib import Path
from types import TracebackType
from typing import Any

NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
_PATIENCE = 60.0
_SWITCHES = (
    "--headless",
    "--remote-debugging-pipe",
    "--no-first-run",
    "--no-default-browser-check",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-default-apps",
    "--disable-dev-shm-usage",
    "--disable-extensions",
    "--disable-gpu",
    "--disable-sync",
    "--hide-scrollbars",
    "--metrics-recording-only",
    "--mute-audio",
    # Everything that is not on this machine is refused, whatever a page asks for.
    "--host-resolver-rules=MAP * ~NOTFOUND",
    "--proxy-server=http://127.0.0.1:9",
)


def find() -> str | None:
    """The path of a Chromium; None where there is none. The environment's CHROMIUM goes first."""
    return os.environ.get("CHROMIUM") or next((path for name in NAMES if (path := shutil.which(name))), None)


class BrowserError(RuntimeError):
    """Chromium refused a command, or did not answer in time."""


class Chromium:
    """A browser process. ``tab()`` opens a page; events are kept until somebody asks for them."""

    def __init__(self, executable: str, profile: Path) -> None:
        # Chromium reads commands from descriptor 3 and writes answers to 4, each closed by a zero byte. The ends are
        # moved out of the way first, so that giving the child its 3 does not close what is to become its 4.
        (child_reads, self._write), (self._read, child_writes) = _pipe(), _pipe()
        switches = [*_SWITCHES, f"--user-data-dir={profile}"]
        if os.geteuid() == 0:
            # Its sandbox does not run for root, as in most containers.
            switches.append("--no-sandbox")
        log = os.open(profile / "stderr", os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
        self._process = os.posix_spawn(
            executable,
            [executable, *switches, "about:blank"],
            {**os.environ, "HOME": str(profile)},
            file_actions=[
                (os.POSIX_SPAWN_DUP2, child_reads, 3),
                (os.POSIX_SPAWN_DUP2, child_writes, 4),
                (os.POSIX_SPAWN_DUP2, log, 1),
                (os.POSIX_SPAWN_DUP2, log, 2),
            ],
            setpgroup=0,
        )
        for end in (child_reads, child_writes, log):
            os.close(end)
        self._last = 0
        self._rest = b""
        self.events: list[dict[str, Any]] = []

    def call(self, method: str, session: str | None = None, **parameters: Any) -> dict[str, Any]:
        """One command and its result. Raises BrowserError."""
        self._last += 1
        message: dict[str, Any] = {"id": self._last, "method": method, "params": parameters}
        if session is not None:
            message["sessionId"] = session
        left = memoryview(json.dumps(message).encode("utf-8") + b"\0")
        while left:
            left = left[os.write(self._write, left) :]
        until = time.monotonic() + _PATIENCE
        while True:
            answer = self._next(until, method)
            if answer.get("id") != self._last:
                self.events.append(answer)
            elif "error" in answer:
                raise BrowserError(f"{method}: {answer['error'].get('message')}")
            else:
                result: dict[str, Any] = answer["result"]
                return result

    def wait(self, event: str, session: str) -> dict[str, Any]:
        """The next event of this name, which may have come already. Raises BrowserError where none comes."""
        until = time.monotonic() + _PATIENCE
        while True:
            for place, one in enumerate(self.events):
                if one.get("method") == event and one.get("sessionId") == session:
                    found: dict[str, Any] = self.events.pop(place)["params"]
                    return found
            self.events.append(self._next(until, event))

    def _next(self, until: float, waiting_for: str) -> dict[str, Any]:
        while b"\0" not in self._rest:
            ready, _, _ = select.select([self._read], [], [], max(0.0, until - time.monotonic()))
            chunk = os.read(self._read, 1 << 20) if ready else b""
            if not chunk:
                raise BrowserError(f"no answer to {waiting_for}: Chromium has {'ended' if ready else 'not answered'}")
            self._rest += chunk
        message, _, self._rest = self._rest.partition(b"\0")
        decoded: dict[str, Any] = json.loads(message)
        return decoded

    def tab(self, width: int = 1280, height: int = 900, *, dark: bool = False, scripts: bool = True) -> "Tab":
        """A new page of this size, with nothing in it."""
        return Tab(self, width, height, dark, scripts)

    def close(self) -> None:
        """Ends the browser and all that it started."""
        os.close(self._write)
        os.close(self._read)
        os.killpg(self._process, signal.SIGKILL)
        os.waitpid(self._process, 0)

    def __enter__(self) -> "Chromium":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class Tab:
    """One page. ``messages`` are its console and its errors, ``requests`` the addresses it asked for."""

    def __init__(self, browser: Chromium, width: int, height: int, dark: bool, scripts: bool) -> None:
        self._browser = browser
        self._target = browser.call("Target.createTarget", url="about:blank")["targetId"]
        self._session = browser.call("Target.attachToTarget", targetId=self._target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")
        self.call(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=width < 600
        )
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.call("Emulation.setEmulatedMedia", features=[scheme])
        if not scripts:
            self.call("Emulation.setScriptExecutionDisabled", value=True)

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """One command to this page."""
        return self._browser.call(method, self._session, **parameters)

    def open(self, path: Path, fragment: str = "") -> "Tab":
        """Loads a file and waits until it is there with all it needs."""
        answer = self.call("Page.navigate", url=path.resolve().as_uri() + fragment)
        if "errorText" in answer:
            raise BrowserError(f"{path}: {answer['errorText']}")
        self._browser.wait("Page.loadEventFired", self._session)
        return self

    def value(self, expression: str) -> Any:
        """What an expression of JavaScript gives, as JSON. Raises BrowserError with the exception it threw."""
        answer = self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in answer:
            raise BrowserError(f"{expression}: {answer['exceptionDetails']}")
        return answer["result"].get("value")

    def click(self, selector: str) -> None:
        """A click of the mouse on the first element of this selector."""
        x, y = self.hover(selector)
        for kind in ("mousePressed", "mouseReleased"):
            self.call("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1)

    def hover(self, selector: str) -> tuple[float, float]:
        """Moves the mouse onto the first element of this selector, scrolled into view."""
        one = f"document.querySelector({json.dumps(selector)})"
        self.value(f"{one}.scrollIntoView({{block: 'center'}})")
        box = self.value(f"(box => [box.x + Math.min(8, box.width / 2), box.y + 8])({one}.getBoundingClientRect())")
        self.call("Input.dispatchMouseEvent", type="mouseMoved", x=box[0], y=box[1])
        return box[0], box[1]

    def press(self, key: str) -> None:
        """A key of the keyboard: "Tab" or "Enter"."""
        code = {"Tab": 9, "Enter": 13}[key]
        text = {"text": "\r"} if key == "Enter" else {}
        for kind in ("keyDown", "keyUp"):
            self.call("Input.dispatchKeyEvent", type=kind, key=key, windowsVirtualKeyCode=code, **text)

    @property
    def messages(self) -> list[str]:
        """Console calls, log entries (refusals of the content policy too) and uncaught exceptions, in order."""
        names = {"Runtime.consoleAPICalled", "Runtime.exceptionThrown", "Log.entryAdded"}
        return [json.dumps(one["params"]) for one in self._events() if one["method"] in names]

    @property
    def requests(self) -> list[str]:
        """Every address that was asked for, the page's own first."""
        return [
            one["params"]["request"]["url"] for one in self._events() if one["method"] == "Network.requestWillBeSent"
        ]

    def _events(self) -> list[dict[str, Any]]:
        # A round trip, so that what was on its way is here.
        self.value("1")
        return [one for one in self._browser.events if one.get("sessionId") == self._session]

    def close(self) -> None:
        """Closes the page."""
        self._browser.call("Target.closeTarget", targetId=self._target)

    def __enter__(self) -> "Tab":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _pipe() -> tuple[int, int]:
    """A pipe whose ends have high numbers and are not inherited."""
    low = os.pipe()
    reads, writes = (fcntl.fcntl(end, fcntl.F_DUPFD_CLOEXEC, 20) for end in low)
    for end in low:
        os.close(end)
    return reads, writes
