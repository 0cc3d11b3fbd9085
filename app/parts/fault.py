"""Expected faults as a box that says what is wrong, where, and what to do next."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

import streamlit as st

from parts.text import plain, sentence
from unravel.errors import UnravelError

_LOG = logging.getLogger("unravel.app")


def show_fault(fault: UnravelError) -> None:
    """Draws the box."""
    where = ""
    if fault.path is not None:
        line = f", line {fault.line}" if fault.line is not None else ""
        where = f'<p class="u-where">{plain(str(fault.path) + line)}</p>'
    fix = f"<p>{sentence(fault.fix)}</p>" if fault.fix else ""
    st.html(f'<div class="u-box u-bad" role="alert"><p><strong>{sentence(fault.fault)}</strong></p>{where}{fix}</div>')


@contextmanager
def faults_shown() -> Iterator[None]:
    """Whatever expected fault happens inside is drawn, and ends the part."""
    try:
        yield
    except UnravelError as fault:
        show_fault(fault)


@contextmanager
def mishaps_shown() -> Iterator[None]:
    """The same for a fault that nobody expected: the page says so, and the traceback goes where the app was started."""
    try:
        with faults_shown():
            yield
    except Exception as error:
        _LOG.exception("A page could not be drawn.")
        kind = type(error).__name__
        fix = "What you wrote is kept. Load the page again; if that doesn't help, report what stands in the terminal."
        show_fault(UnravelError(f"This page broke ({kind}): a fault in Unravel, not in your work.", fix=fix))
