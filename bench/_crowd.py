"""Learners without a browser: they speak the app's own protocol, so that a crowd costs the server what it would in life
and this machine little. Ten browsers on the machine of the server would measure mostly themselves.

Each fetches the page's files, opens a session, follows links, clicks, and asks again where the page asks by itself.
"""

from __future__ import annotations

import asyncio
import re
import time
import urllib.request
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from types import TracebackType

from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.Delta_pb2 import Delta
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.proto.WidgetStates_pb2 import WidgetState
from websockets.asyncio.client import ClientConnection, connect

SECONDS = 60.0


@dataclass
class Learner:
    """One visitor of the app at `url`."""

    url: str
    _link: ClientConnection = field(init=False)
    _page: str = ""
    _pages: dict[str, str] = field(default_factory=dict)  # the hash of each page, by its place in the address
    _widgets: dict[str, tuple[str, str]] = field(default_factory=dict)  # id and fragment, by the end of the id
    _seen: list[Delta] = field(default_factory=list)
    _news: asyncio.Condition = field(default_factory=asyncio.Condition)
    _timers: dict[str, asyncio.Task[None]] = field(default_factory=dict)
    _ears: asyncio.Task[None] = field(init=False)

    async def __aenter__(self) -> Learner:
        await asyncio.to_thread(_fetch, self.url)
        where = f"{self.url.replace('http', 'ws', 1)}/_stcore/stream"
        self._link = await connect(where, subprotocols=["streamlit"], max_size=None)  # type: ignore[list-item]
        self._ears = asyncio.create_task(self._listen())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for task in (self._ears, *self._timers.values()):
            task.cancel()
        await self._link.close()

    async def open(self, place: str, until: str) -> float:
        """Follows a link; the seconds until the widget whose key is `until` is there."""
        return await self._timed(self._ask(page=self._pages.get(place, "")), lambda: until in self._keys())

    async def click(self, key: str, until: Callable[[Delta], bool]) -> float:
        """Clicks a button; the seconds until something like that is on the page."""
        return await self._change(WidgetState(trigger_value=True), key, until)

    async def choose(self, key: str, choice: str, until: Callable[[Delta], bool]) -> float:
        """Chooses among a row of buttons; the seconds until something like that is on the page."""
        state = WidgetState()
        state.string_array_value.data.append(choice)
        return await self._change(state, key, until)

    async def _change(self, state: WidgetState, key: str, until: Callable[[Delta], bool]) -> float:
        state.id, fragment = next(found for name, found in self._widgets.items() if name.endswith(f"-{key}"))
        return await self._timed(
            self._ask(state, page=self._page, fragment=fragment), lambda: any(map(until, self._seen))
        )

    async def _timed(self, request: BackMsg, done: Callable[[], bool]) -> float:
        self._seen.clear()
        if not request.rerun_script.fragment_id:
            self._widgets.clear()
            self._calm(list(self._timers))
        began = time.perf_counter()
        await self._link.send(request.SerializeToString())
        async with self._news, asyncio.timeout(SECONDS):
            await self._news.wait_for(done)
        return time.perf_counter() - began

    def _ask(self, *states: WidgetState, page: str = "", fragment: str = "", by_itself: bool = False) -> BackMsg:
        request = BackMsg()
        request.rerun_script.page_script_hash = page
        request.rerun_script.fragment_id = fragment
        request.rerun_script.is_auto_rerun = by_itself
        request.rerun_script.widget_states.widgets.extend(states)
        return request

    def _keys(self) -> set[str]:
        return {name.split("-", 2)[-1] for name in self._widgets}

    async def _listen(self) -> None:
        async for data in self._link:
            message = ForwardMsg()
            message.ParseFromString(data if isinstance(data, bytes) else data.encode())
            async with self._news:
                self._take(message)
                self._news.notify_all()

    def _take(self, message: ForwardMsg) -> None:
        kind = message.WhichOneof("type")
        if kind == "delta":
            self._seen.append(message.delta)
            element = message.delta.new_element
            inner = getattr(element, element.WhichOneof("type") or "", None)
            if name := getattr(inner, "id", ""):
                self._widgets[name] = (name, message.delta.fragment_id)
        elif kind == "navigation":
            self._page = message.navigation.page_script_hash
            self._pages = {page.url_pathname: page.page_script_hash for page in message.navigation.app_pages}
        elif kind == "auto_rerun":
            again = message.auto_rerun
            self._calm([again.fragment_id])
            self._timers[again.fragment_id] = asyncio.create_task(self._repeat(again.fragment_id, again.interval))
        elif kind == "stop_auto_rerun":
            self._calm(list(message.stop_auto_rerun.fragment_ids))

    async def _repeat(self, fragment: str, seconds: float) -> None:
        while True:
            await asyncio.sleep(seconds)
            request = self._ask(page=self._page, fragment=fragment, by_itself=True)
            await self._link.send(request.SerializeToString())

    def _calm(self, fragments: list[str]) -> None:
        for fragment in fragments:
            with suppress(KeyError):
                self._timers.pop(fragment).cancel()


def _fetch(url: str) -> None:
    """What a browser that was never here asks for first: the page and the files that it names."""
    with urllib.request.urlopen(url, timeout=SECONDS) as answer:
        page = answer.read().decode()
    for name in re.findall(r'(?:src|href)="\./([^"]+)"', page):
        with urllib.request.urlopen(f"{url}/{name}", timeout=SECONDS) as answer:
            answer.read()
