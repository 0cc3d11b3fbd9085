"""Opens the course in the browser: starts the Streamlit app on this machine only."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

from unravel.errors import UnravelError
from unravel.paths import content_root
from unravel.workspace.workspace import VARIABLE, Workspace

ADDRESS = "127.0.0.1"


def serve(folder: Path | None, port: int, *, browser: bool) -> int:
    """Runs the app on the workspace at `folder` (by default the one found from here) until it is stopped."""
    workspace = Workspace.find(folder)
    if find_spec("streamlit") is None:
        raise UnravelError("Streamlit is not installed.", fix="Install it with `pip install 'unravel[app]'`.")
    _check_free(port)
    environment = {**os.environ, VARIABLE: str(workspace.path)}
    try:
        return subprocess.run(command(port, browser=browser), env=environment, check=False).returncode
    except KeyboardInterrupt:
        return 0


def command(port: int, *, browser: bool) -> list[str]:
    """The command line of the app. It listens on this machine only, and tells nobody of its use."""
    options = {
        "server.address": ADDRESS,
        "server.port": str(port),
        "server.headless": "false" if browser else "true",
        "server.showEmailPrompt": "false",
        "browser.gatherUsageStats": "false",
    }
    flags = [f"--{name}={value}" for name, value in options.items()]
    return [sys.executable, "-m", "streamlit", "run", str(content_root() / "app" / "main.py"), *flags]


def _check_free(port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((ADDRESS, port))
        except OSError as error:
            fix = f"Stop what is running there, or take another: `unravel serve --port {port + 1}`."
            raise UnravelError(f"Port {port} can't be used ({error.strerror}).", fix=fix) from error
