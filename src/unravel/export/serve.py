"""The command that starts the app: nothing leaves this machine, and nothing listens beyond it."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

from unravel.errors import UnravelError
from unravel.paths import content_root

_SETTINGS = {
    "server.headless": "true",
    "server.fileWatcherType": "none",
    "server.showEmailPrompt": "false",
    "browser.gatherUsageStats": "false",
    "client.toolbarMode": "minimal",
    "client.showErrorDetails": "none",
    "theme.light.primaryColor": "#1F5FBF",
    "theme.dark.primaryColor": "#7DB0F5",
    "theme.baseRadius": "0.4rem",
}


def streamlit_command(workspace: Path, port: int = 8501, address: str = "127.0.0.1") -> list[str]:
    """The command line that serves the app for one workspace. `UnravelError` when Streamlit is not installed."""
    for package in ("streamlit", "streamlit_ace"):
        if importlib.util.find_spec(package) is None:
            raise UnravelError(f"The app needs {package}.", fix="Install it: `pip install 'unravel[app]'`.")
    settings = {"server.address": address, "server.port": str(port), **_SETTINGS}
    flags = [word for name, value in settings.items() for word in (f"--{name}", value)]
    main = str(app_file())
    return [sys.executable, "-m", "streamlit", "run", main, *flags, "--", "--workspace", str(workspace)]


def app_file() -> Path:
    """The app's script. It lies beside the chapters that came with Unravel, not in a course named by a variable."""
    from unravel.paths import PACKAGE

    for root in (PACKAGE / "_content", PACKAGE.parent.parent, content_root()):
        if (root / "app" / "main.py").is_file():
            return root / "app" / "main.py"
    raise UnravelError("The app's files are missing.", fix="Reinstall Unravel.")
