"""Search from every page, its results, and the glossary."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest
from tests.platform.app.test_app import words

Open = Callable[..., AppTest]
HOSTILE = "<img src=x onerror=alert(1)>"
GLOSSARY = """title = "Numbers"

[[term]]
name = "mean square"
aliases = ["MS"]
text = "The mean of the squares, $x^2$."
form = "0 or more"
see = ["factor"]
lessons = ["mean_square"]
papers = ["ann1990"]

[[term]]
name = "factor"
text = "What multiplies. It has a <b>value</b>."
see = ["mean square"]
"""
PAPERS = '[ann1990]\nauthors = "A. Ann"\ntitle = "On Means"\nyear = 1990\narxiv = "1234.56789"\n'


@pytest.fixture
def glossary(course_folder: Path) -> Path:
    folder = course_folder / "glossary"
    folder.mkdir()
    (folder / "papers.toml").write_text(PAPERS)
    (folder / "01_numbers.toml").write_text(GLOSSARY)
    return folder / "01_numbers.toml"


@pytest.fixture
def visit(app: Open, glossary: Path) -> Open:
    """Opens the page of an address."""

    def open_page(page: str, **address: str) -> AppTest:
        test = app()
        pages = test._registered_pages.items()
        test._page_hash = next(name for name, info in pages if info.get("url_pathname") == page)
        for name, value in address.items():
            test.query_params[name] = value
        return test.run()

    return open_page


def links(test: AppTest, key: str = "") -> list[str]:
    """Where the links of the page itself lead, as label, page and query."""
    items = test.main.get("page_link")
    return [f"{item.proto.label} {item.proto.page}?{item.proto.query_string}" for item in items]


def test_a_search_from_a_lesson_leads_to_the_results(app: Open, glossary: Path) -> None:
    test = app("basics")
    test.text_input(key="search").set_value("mean square").run()
    assert [title.value for title in test.title] == ["Search"]
    assert "places found for <strong>mean square</strong>" in words(test)
    assert test.text_input(key="search").value == "mean square"
    found = links(test)
    assert found[0] == "**mean square** glossary?term=mean-square"
    assert "**The mean square after doubling** basics?part=mean_square" in found


def test_the_box_is_empty_where_nothing_is_asked(app: Open, glossary: Path) -> None:
    test = app("basics")
    assert test.text_input(key="search").value == ""
    test.text_input(key="search").set_value("   ").run()
    assert [title.value for title in test.title] == ["The basics"]


def test_a_typo_is_understood_and_said(visit: Open) -> None:
    said = words(visit("search", q="mean sqare"))
    assert "<strong>mean sqare</strong> occurs nowhere." in said
    assert "found for <strong>mean square</strong>" in said
    assert "<mark>squares</mark>" in said


@pytest.mark.parametrize("query", ["zebra", HOSTILE, "zebra `x` $y$ **z** [a](javascript:alert(1))", "z" * 5000])
def test_a_query_is_shown_as_text(visit: Open, query: str) -> None:
    said = words(visit("search", q=query))
    assert HOSTILE not in said
    assert "found" in said
    assert "javascript" not in said.replace("(javascript:", "")


def test_without_words_the_page_says_what_to_do(visit: Open) -> None:
    assert "Type a word" in words(visit("search"))


def test_all_terms_by_topic_and_letter(visit: Open) -> None:
    test = visit("glossary")
    assert [item.value for item in test.header] == ["Numbers"]
    assert "2 terms" in words(test)
    assert "#### mean square" in words(test)
    test.segmented_control(key="glossary-order").set_value("A to Z").run()
    assert [item.value for item in test.header] == ["F", "M"]
    test.text_input(key="glossary-filter").set_value("multipl").run()
    assert "1 term" in words(test)
    assert "#### mean square" not in words(test)
    test.text_input(key="glossary-filter").set_value(HOSTILE).run()
    assert "No term fits <strong>&lt;img src=x onerror=alert(1)&gt;</strong>" in words(test)


def test_a_term_links_to_lessons_papers_and_terms(visit: Open) -> None:
    test = visit("glossary", term="MS")
    said = words(test)
    assert [item.value for item in test.header] == ["mean square"]
    assert "also: MS" in said
    assert '["On Means"](https://arxiv.org/abs/1234.56789), 1990' in said
    assert links(test) == [
        "The mean square after doubling basics?part=mean_square",
        "factor glossary?term=factor",
        "All terms glossary?",
    ]


def test_an_unknown_term_is_said_and_the_others_are_shown(visit: Open) -> None:
    said = words(visit("glossary", term=HOSTILE))
    assert "There is no term <strong>&lt;img" in said
    assert "#### factor" in said


def test_a_faulty_glossary_is_told_and_the_rest_is_shown(visit: Open, glossary: Path) -> None:
    glossary.write_text(GLOSSARY.replace('lessons = ["mean_square"]', 'lessons = ["mean_sqare"]'))
    said = words(visit("glossary"))
    assert "which is no lesson or exercise" in said
    assert "line 9" in said
    assert "#### factor" in said


def test_a_course_without_glossary_still_searches(app: Open, course_folder: Path) -> None:
    test = app()
    test.text_input(key="search").set_value("double").run()
    assert links(test)[0] == "**Double a vector** basics?part=double"


def test_what_changed_is_found_at_once(visit: Open, glossary: Path) -> None:
    assert "Nothing was found" in words(visit("search", q="zebra"))
    glossary.write_text(GLOSSARY + '\n[[term]]\nname = "zebra"\ntext = "Striped."\n')
    assert links(visit("search", q="zebra")) == ["**zebra** glossary?term=zebra"]
