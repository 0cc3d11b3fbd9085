"""The app on a free port, for a benchmark."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.request
from pathlib import Path
from types import TracebackType

from unravel.serve import command
from unravel.workspace.workspace import VARIABLE


def chromium() -> str:
    """The browser's path."""
    found = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
    if found is None:
        raise SystemExit("This benchmark needs Chromium: `apt-get install chromium`, or name it in $CHROMIUM.")
    return found


class AppServer:
    """Runs while the `with` block does; `url` is where."""

    def __init__(self, workspace: Path, folder: Path):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = int(probe.getsockname()[1])
        self.url = f"http://127.0.0.1:{self.port}"
        self._workspace, self._log = workspace, folder / "server.log"
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> AppServer:
        with self._log.open("ab") as log:
            environment = {**os.environ, VARIABLE: str(self._workspace)}
            line = command(self.port, browser=False)
            self._process = subprocess.Popen(line, env=environment, stdout=log, stderr=log)
        end = time.monotonic() + 120
        while time.monotonic() < end:
            try:
                with urllib.request.urlopen(f"{self.url}/_stcore/health", timeout=2):
                    return self
            except (urllib.error.URLError, OSError):
                if self._process.poll() is not None:
                    break
                time.sleep(0.05)
        raise SystemExit(f"The app did not start:\n{self._log.read_text()}")

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.wait(60)
