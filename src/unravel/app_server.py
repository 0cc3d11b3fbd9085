"""Streamlit's own command, but for two habits: `python -m unravel.app_server run app/main.py ...`.

It asks no server on the internet for this machine's address: Streamlit does that when a page of another origin knocks.
And it ends with the process that started it: a killed `unravel serve` leaves no app behind that holds the port.
"""

from __future__ import annotations

import os
import threading
import time

SECONDS = 1.0


def main() -> None:
    """Runs Streamlit with the arguments of the command line."""
    from streamlit import net_util
    from streamlit.web.cli import main as streamlit

    net_util.get_external_ip = _no_address
    threading.Thread(target=_end_with, args=(os.getppid(),), daemon=True).start()
    streamlit(prog_name="streamlit")


def _no_address() -> None:
    """We know of no address on the internet, and ask nobody."""


def _end_with(parent: int) -> None:
    """Ends this process, as Ctrl-C would, when its parent is gone."""
    import signal

    while os.getppid() == parent:
        time.sleep(SECONDS)
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    main()
