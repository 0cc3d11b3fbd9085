"""Expected faults as a box that says what is wrong, where, and what to do next."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import streamlit as st

from parts.text import plain, sentence
from unravel.errors import UnravelError


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
