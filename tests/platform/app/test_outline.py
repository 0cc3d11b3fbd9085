"""Headings, anchors and formulas in a lesson's prose."""

from __future__ import annotations

from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[3]


@pytest.fixture(autouse=True)
def _path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(REPOSITORY / "app"))


def test_fenced_code_has_no_headings() -> None:
    from parts.outline import Heading, parts

    text = "before\n\n```\n## not one\n```\n\n## Why `x`, and *how*?\nafter"
    assert list(parts(text)) == ["before\n\n```\n## not one\n```", Heading(2, "Why `x`, and *how*?"), "after"]


@pytest.mark.parametrize(
    ("title", "anchor"), [("Why `x`, and *how*?", "why-x-and-how"), ("??", "part"), ("Über alles", "ber-alles")]
)
def test_anchors(title: str, anchor: str) -> None:
    from parts.outline import Heading

    assert Heading(2, title).anchor == anchor


def test_a_formula_alone_becomes_a_block() -> None:
    from parts.outline import displayed

    assert displayed("so\n\n$$ a = b $$\n\nend") == "so\n\n$$\na = b\n$$\n\nend"
    for kept in ("in $$a$$ line", "$$\na\n$$", "$5 and $6"):
        assert displayed(kept) == kept


def test_text_from_outside_is_escaped() -> None:
    from parts.text import sentence

    assert sentence("`<b>` & <i>") == "<code>&lt;b&gt;</code> &amp; &lt;i&gt;"
