"""A vLLM server as a process that can be started, killed and started again on the same port."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType

START_S = 240.0


class VllmServer:
    """``python -m vllm.entrypoints.openai.api_server`` on a free port of this machine; what it says goes to ``log``."""

    def __init__(self, model: str, log: Path, arguments: Sequence[str] = ()) -> None:
        self.model = model
        self.log = log
        self.arguments = list(arguments)
        with socket.create_server(("127.0.0.1", 0)) as probe:
            self.port: int = probe.getsockname()[1]
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def root(self) -> str:
        """The address without a path, whether it answers or not."""
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Starts the process and does not wait for it."""
        command = [sys.executable, "-m", "vllm.entrypoints.openai.api_server", "--model", self.model]
        command += ["--host", "127.0.0.1", "--port", str(self.port), "--dtype", "float32", "--enforce-eager"]
        with self.log.open("ab") as log:
            # A session of its own: the engine and its workers are processes too, and end with it.
            self._process = subprocess.Popen(
                [*command, *self.arguments], stdout=log, stderr=subprocess.STDOUT, start_new_session=True
            )

    def wait(self) -> None:
        """Waits until it answers. Raises RuntimeError with the end of its log where it does not come up."""
        assert self._process is not None
        until = time.monotonic() + START_S
        while time.monotonic() < until:
            if self._process.poll() is not None:
                raise RuntimeError(f"vLLM ended with {self._process.returncode}:\n{self._said()}")
            if self.answers():
                return
            time.sleep(0.25)
        raise RuntimeError(f"vLLM did not answer within {START_S:g} s:\n{self._said()}")

    def answers(self) -> bool:
        """Whether it says that it is well."""
        try:
            with urllib.request.urlopen(f"{self.root}/health", timeout=5) as answer:
                return bool(answer.status == 200)
        except (urllib.error.URLError, OSError):
            return False

    def kill(self) -> None:
        """Ends it and all its processes without a word (SIGKILL)."""
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
            self._process = None

    def _said(self) -> str:
        return "\n".join(self.log.read_text(encoding="utf-8", errors="replace").splitlines()[-40:])

    def __enter__(self) -> "VllmServer":
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.kill()
