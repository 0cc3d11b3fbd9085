"""Streamlit's own command, but for four habits: `python -m unravel.app_server run app/main.py ...`.

It sends what it has to say at once, where Streamlit waits 40 ms with each small file and many a message. It imports
what the pages need before somebody asks for one. It asks no server on the internet for this machine's address:
Streamlit does that when a page of another origin knocks. And it ends with the process that started it: a killed
`unravel serve` leaves no app behind that holds the port.
"""

from __future__ import annotations

import importlib
import os
import socket
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path

SECONDS = 1.0
PAGES = ("views.home", "views.lesson", "views.playground", "views.progress", "views.glossary", "views.search")


def main() -> None:
    """Runs Streamlit with the arguments of the command line."""
    # All of Streamlit that runs first, in this thread: two threads must not import the same things at once.
    from streamlit import net_util
    from streamlit.web import bootstrap  # noqa: F401
    from streamlit.web.cli import main as streamlit

    net_util.get_external_ip = _no_address
    _send_at_once()
    threading.Thread(target=_read_ahead, args=(sys.argv[1:],), daemon=True).start()
    threading.Thread(target=_end_with, args=(os.getppid(),), daemon=True).start()
    streamlit(prog_name="streamlit")


def _no_address() -> None:
    """We know of no address on the internet, and ask nobody."""


def _send_at_once() -> None:
    """Has the system send each answer when it is written, without waiting until the browser has confirmed the last one.

    Asyncio asks for that by itself, but only of sockets made with the number of the protocol, and Streamlit's is made
    without. Head and body of a file are two writes, so each file, and many a message, took 40 ms and more.
    """
    import uvicorn

    startup = uvicorn.Server.startup

    async def at_once(server: uvicorn.Server, sockets: list[socket.socket] | None = None) -> None:
        for each in sockets or ():
            if each.family in (socket.AF_INET, socket.AF_INET6):  # those that it accepts inherit it
                each.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        await startup(server, sockets=sockets)

    uvicorn.Server.startup = at_once  # type: ignore[method-assign, assignment]


def _read_ahead(arguments: list[str]) -> None:
    """Imports the pages of the app while the browser still fetches its files: the newcomer would wait 0.3 s for it."""
    script = next((Path(word) for word in arguments if word.endswith(".py")), None)
    if script is None:
        return
    sys.path.insert(0, str(script.parent))  # as Streamlit does before it runs the script
    for name in PAGES:
        with suppress(Exception):  # a page that is asked for says itself what is wrong
            importlib.import_module(name)


def _end_with(parent: int) -> None:
    """Ends this process, as Ctrl-C would, when its parent is gone."""
    import signal

    while os.getppid() == parent:
        time.sleep(SECONDS)
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    main()
