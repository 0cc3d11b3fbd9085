"""The glossary: what is read, and that each fault is told with its file and line."""

from __future__ import annotations

from pathlib import Path

import pytest

from unravel.course.faults import Faults
from unravel.course.glossary import Glossary, load_glossary
from unravel.course.glossary_links import term_links
from unravel.course.load import load_course
from unravel.dev.check import glossary_problems
from unravel.errors import ContentError, UnravelError

ROOT = Path(__file__).parents[3]
PAPERS = '[ann1990]\nauthors = "A. Ann"\ntitle = "On Means"\nyear = 1990\n'
TERMS = """title = "Numbers"

[[term]]
name = "mean square"
aliases = ["MS"]
text = '''The mean of the squares, $x^2$.'''
see = ["factor"]
lessons = ["mean_square"]
papers = ["ann1990"]

[[term]]
name = "factor"
text = '''What multiplies.
name = "not a key of its own"'''
"""


def write(root: Path, terms: str = TERMS, papers: str = PAPERS) -> Path:
    folder = root / "glossary"
    folder.mkdir(exist_ok=True)
    (folder / "papers.toml").write_text(papers)
    (folder / "01_numbers.toml").write_text(terms)
    return folder / "01_numbers.toml"


def load(root: Path) -> Glossary:
    return load_glossary(load_course(root))


def test_terms_are_found_by_each_of_their_names(tiny: Path) -> None:
    write(tiny)
    glossary = load(tiny)
    first = glossary.find("mean square")
    assert (first.id, first.topic, first.see) == ("mean-square", "Numbers", ("factor",))
    assert [glossary.find(name) for name in ("Mean-Square", "ms", "MS")] == [first] * 3
    assert glossary.papers["ann1990"].cited() == 'A. Ann, "On Means", 1990'
    with pytest.raises(UnravelError, match="Did you mean mean square"):
        glossary.find("meen square")


def test_a_course_without_a_glossary_has_an_empty_one(tiny: Path) -> None:
    assert load(tiny).terms == ()


@pytest.mark.parametrize(
    ("old", "new", "line", "said"),
    [
        ("aliases =", "alias =", 5, "There is no key `alias`. Did you mean `aliases`?"),
        ('see = ["factor"]', 'see = ["faktor"]', 7, "no other term. Did you mean `factor`?"),
        ('see = ["factor"]', 'see = ["mean square"]', 7, "no other term"),
        ('"mean_square"]', '"mean_squares"]', 8, "no lesson or exercise. Did you mean `mean_square`?"),
        ('["ann1990"]', '["ann1991"]', 9, "no paper in `papers.toml`. Did you mean `ann1990`?"),
        ('aliases = ["MS"]', 'aliases = ["Factor"]', 11, "`factor` is already a name of `mean square`"),
        ('aliases = ["MS"]', 'aliases = "MS"', 5, "`aliases` is 'MS'"),
        ('aliases = ["MS"]', 'aliases = ["MS", "MS"]', 5, "`aliases` is"),
        ('name = "factor"\n', "", 11, "The key `name` is missing"),
        ('name = "factor"', 'name = "?"', 11, "'?' is no name"),
        ("[[term]]\nname = \"factor\"", "[[ term ]]\nname = \"factor\"", 1, "where each term begins"),
        ('title = "Numbers"', "", 1, "no title"),
        ('title = "Numbers"', 'title = "Numbers"\nextra = 1', 2, "There is no key `extra`"),
        ("see = [", "see = [[", 7, "Not valid TOML"),
    ],
)  # fmt: skip
def test_a_fault_names_file_and_line(tiny: Path, old: str, new: str, line: int, said: str) -> None:
    assert old in TERMS
    path = write(tiny, TERMS.replace(old, new, 1))
    with pytest.raises(ContentError) as caught:
        load(tiny)
    assert said in str(caught.value)
    assert caught.value.path == path
    if "TOML" not in said:
        assert caught.value.line == line


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("year = 1990", 'year = "1990"', "`year` is '1990'"),
        ('title = "On Means"\n', "", "`title` is missing"),
        ("year", "jahr", "no key `jahr`"),
    ],
)
def test_a_fault_in_a_paper_is_told(tiny: Path, old: str, new: str, said: str) -> None:
    write(tiny, papers=PAPERS.replace(old, new))
    with pytest.raises(ContentError, match=said) as caught:
        load(tiny)
    assert (caught.value.path, caught.value.line) == (tiny / "glossary" / "papers.toml", 1)


def test_dev_check_tells_every_fault(tiny: Path) -> None:
    write(tiny, TERMS.replace('["factor"]', '["nothing"]').replace('["ann1990"]', '["nobody"]'))
    assert [fault.line for fault in glossary_problems(load_course(tiny))] == [7, 9]


def test_a_lesson_explains_what_it_sets_in_bold(tiny: Path) -> None:
    write(tiny)
    page = tiny / "chapters/ch00_tiny/more.md"
    page.write_text(page.read_text().replace("and no tensors.", "and no tensors.\n\n## Parts\n\nTwo **factors**."))
    course = load_course(tiny)
    links = term_links(load_glossary(course), course)
    found = [(link.bond, link.lesson, link.anchor) for link in links["factor"]]
    assert found == [("explained", "more", "parts")]
    assert [(link.bond, link.anchor) for link in links["mean-square"]] == [("practised", "mean_square")]


def test_an_unexplained_term_links_to_where_it_is_met(tiny: Path) -> None:
    write(tiny, TERMS.replace('lessons = ["mean_square"]\n', "").replace('"factor"', '"zebra"'))
    course = load_course(tiny)
    links = term_links(load_glossary(course), course)
    assert [(link.bond, link.lesson) for link in links["mean-square"]] == [("met", "basics")]
    assert links["zebra"] == ()


def test_a_link_to_a_lesson_that_cannot_be_read_is_left_out(tiny: Path) -> None:
    write(tiny, TERMS.replace('"mean_square"]', '"gone"]'))
    course = load_course(tiny)
    glossary = load_glossary(course, Faults(gather=True))
    assert all(link.bond == "met" for link in term_links(glossary, course)["mean-square"])


def test_the_glossary_of_the_course() -> None:
    course = load_course(ROOT)
    glossary = load_glossary(course)
    links = term_links(glossary, course)
    assert len(glossary.terms) >= 120
    science = [term for term in glossary.terms if term.topic != "Words of this course"]
    assert [term.name for term in science if not term.papers] == []
    assert [term.name for term in glossary.terms if not term.see] == []
    cited = {key for term in glossary.terms for key in term.papers}
    assert cited == set(glossary.papers)
    assert links["softmax"][0].lesson == "probabilities"
    assert any(link.anchor == "causal_mask" for link in links["causal-mask"])
    known = {term.name for term in glossary.terms}
    longest = {term.name: term.text.count(". ") for term in glossary.terms}
    assert max(longest.values()) <= 5, max(longest, key=longest.__getitem__)
    assert {"induction head", "sparse autoencoder", "faithfulness", "grokking"} <= known
