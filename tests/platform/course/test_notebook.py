"""A lesson's notebook holds the same as its files, says what each cell is, and is the same on every run."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

from unravel.course.load import load_course
from unravel.course.markers import make_stub
from unravel.course.model import Callout, Predict
from unravel.course.notebook import build_notebook
from unravel.course.render import quote, render, render_exercise


def cells(text: str) -> list[dict[str, object]]:
    return json.loads(text)["cells"]


def source(cell: dict[str, object]) -> str:
    return "".join(cell["source"])  # type: ignore[arg-type]


def kinds(text: str) -> list[tuple[str, str | None]]:
    facts = [cell["metadata"]["unravel"] for cell in cells(text)]  # type: ignore[index]
    return [(fact["kind"], fact.get("exercise")) for fact in facts]


@pytest.mark.parametrize("solution", [False, True])
@pytest.mark.parametrize("name", ["basics", "more"])
def test_notebook_is_valid_and_written_as_jupyter_writes(tiny: Path, name: str, solution: bool) -> None:
    text = build_notebook(load_course(tiny).lesson(name), solution=solution)
    notebook = nbformat.reads(text, as_version=4)
    nbformat.validate(notebook)
    assert nbformat.writes(notebook) + "\n" == text
    ids = [cell["id"] for cell in cells(text)]
    assert len(set(ids)) == len(ids)


def test_bytes_do_not_depend_on_the_run(tiny: Path) -> None:
    code = (
        "import sys, pathlib; from unravel.course.load import load_course;"
        "from unravel.course.notebook import build_notebook;"
        f"sys.stdout.write(build_notebook(load_course(pathlib.Path({str(tiny)!r})).lesson('basics')));"
        "assert 'nbformat' not in sys.modules"
    )
    runs = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONUTF8": "1"},
            capture_output=True,
            check=True,
        ).stdout
        for seed in ("0", "1")
    }
    assert runs == {build_notebook(load_course(tiny).lesson("basics")).encode()}


def test_cells_come_in_the_order_of_the_page(tiny: Path) -> None:
    exercise = [("prose", "double"), ("exercise", "double"), ("check", "double")]

    def named(name: str) -> list[tuple[str, str | None]]:
        return [(kind, name) for kind, _ in exercise]

    assert kinds(build_notebook(load_course(tiny).lesson("basics"))) == [
        ("prose", None),
        ("check", None),
        ("setup", None),
        ("prose", None),
        ("prose", None),
        ("demo", None),
        *named("double"),
        ("prose", None),
        *named("mean_square"),
        *named("ANSWER"),
        ("prose", None),
        ("setup", None),
        *named("Scale"),
    ]


@pytest.mark.parametrize("solution", [False, True])
def test_code_cells_hold_the_whole_file(tiny: Path, solution: bool) -> None:
    lesson = load_course(tiny).lesson("basics")
    book = cells(build_notebook(lesson, solution=solution))
    code = "\n".join(
        source(cell)
        for cell, (kind, _) in zip(book, kinds(build_notebook(lesson)), strict=True)
        if kind in ("setup", "exercise")
    )
    file = lesson.solution.read_text() if solution else lesson.stub.read_text()
    without_docstring = file.split("\n")[1:]
    assert [line for line in code.split("\n") if line] == [line for line in without_docstring if line]


def test_no_solution_leaks_into_a_stub_notebook(tiny: Path) -> None:
    text = build_notebook(load_course(tiny).lesson("more"))
    assert "range(1, n + 1)" not in text
    assert "SOLUTION" not in text


def test_filled_notebook_runs_without_the_checks(tiny: Path) -> None:
    lesson = load_course(tiny).lesson("basics")
    text = build_notebook(lesson, solution=True)
    code = [
        source(cell) for cell, (kind, _) in zip(cells(text), kinds(text), strict=True) if kind not in ("prose", "check")
    ]
    namespace: dict[str, object] = {"__name__": "lesson"}
    exec("\n".join(code), namespace)
    assert namespace["ANSWER"] == 42


def test_first_cell_says_how_to_check(tiny: Path) -> None:
    first, second, *rest = cells(build_notebook(load_course(tiny).lesson("more")))
    assert source(first).startswith("# A little more\n")
    assert 'check("count_up")' in source(first)
    assert source(second) == "from unravel import check"
    assert source(rest[-1]) == 'check("count_up")'


def test_given_code_after_the_last_exercise_stays(tiny: Path) -> None:
    path = tiny / "solutions/ch00_tiny/more.py"
    path.write_text(path.read_text() + "\n\nLAST = 1\n")
    text = build_notebook(load_course(tiny).lesson("more"))
    assert source(cells(text)[-1]) == "LAST = 1"
    assert make_stub(path.read_text()).endswith("LAST = 1\n")


def test_exercise_as_markdown(tiny: Path) -> None:
    text = render_exercise(load_course(tiny).exercise("mean_square"))
    title, facts, statement, hint = text.split("\n\n", 3)
    assert title == "### Exercise: The mean square after doubling"
    assert facts == "`mean_square` · difficulty 2 of 5 · about 5 minutes · 2 points · builds on `double`"
    assert statement.startswith("Write `mean_square`")
    assert hint == "<details>\n<summary>Hint</summary>\n\nSquare first, then take the mean.\n\n</details>"
    assert "about 1 minute · 1 point\n" in render_exercise(load_course(tiny).exercise("ANSWER"))


def test_boxes_and_questions_as_markdown() -> None:
    assert render(Callout("seealso", "", "A.\n\nB.", 1)) == "> **See also**\n>\n> A.\n>\n> B."
    assert render(Callout("tip", "Try", "A.", 1)) == "> **Tip: Try**\n>\n> A."
    assert quote("a\n\nb") == "> a\n>\n> b"
    predict = render(Predict("Why?", "So.", 1))
    assert predict == "**Predict.** Why?\n\n<details>\n<summary>Answer</summary>\n\nSo.\n\n</details>"


@pytest.mark.parametrize("kind", ["note", "warning", "tip", "important", "seealso"])
def test_every_box_has_a_name(kind: str) -> None:
    assert render(Callout(kind, "", "x", 1)).startswith("> **")
