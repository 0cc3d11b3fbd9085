"""A lesson as a Jupyter notebook, byte-identical from run to run.

Every cell says in `metadata.unravel` what it is: `prose`, `setup` (given code), `demo`, `exercise` or `check`. The
grader reads `setup` and `exercise` cells only. Written as plain JSON: nbformat takes half a second to import.
"""

from __future__ import annotations

import ast
import json
from typing import Any

from unravel.course.code import read_code
from unravel.course.markers import make_stub
from unravel.course.model import Block, Demo, Exercise, Lesson, Place
from unravel.course.render import render, render_exercise

GUIDE = """\
# {title}

Each exercise has a cell that ends in `raise NotImplementedError()`. Write your code there and run the cell, then run
the `check` cell below it. Run the code cells from top to bottom: later ones build on earlier ones.

In any cell, `check("{example}")` checks an exercise, and `check("{lesson}")` the whole lesson.
"""
IMPORT = "from unravel import check"
METADATA = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}

Cell = dict[str, Any]


def build_notebook(lesson: Lesson, *, solution: bool = False) -> str:
    """The notebook of a lesson, as the text of an `.ipynb` file.

    With `solution`, the exercises hold the solution between its markers, as nbgrader's source notebooks do.
    """
    book = _Book(lesson, solution)
    for block in lesson.blocks:
        book.add(block)
    book.end()
    notebook = {"cells": book.cells, "metadata": METADATA, "nbformat": 4, "nbformat_minor": 5}
    return json.dumps(notebook, indent=1, sort_keys=True, ensure_ascii=False) + "\n"


class _Book:
    """The cells so far, and the parts of the code whose place has not come yet."""

    def __init__(self, lesson: Lesson, solution: bool):
        self.cells: list[Cell] = []
        self._solution = solution
        self._exercises = {exercise.id: exercise for exercise in lesson.exercises}
        self._parts = list(read_code(lesson.solution).parts)
        example = lesson.exercises[0].id
        self._markdown(GUIDE.format(title=lesson.title, example=example, lesson=lesson.id))
        self._python("check", IMPORT)
        self._given(first=True)

    def add(self, block: Block) -> None:
        """The cells of one block of the page."""
        if isinstance(block, Place):
            self._exercise(self._exercises[block.exercise])
        elif isinstance(block, Demo):
            self._python("demo", block.code)
        else:
            self._markdown(render(block))

    def end(self) -> None:
        """The given code below the last exercise."""
        self._given()

    def _exercise(self, exercise: Exercise) -> None:
        self._given()
        self._markdown(render_exercise(exercise), exercise.id)
        code = self._parts.pop(0).source
        self._python("exercise", code if self._solution else make_stub(code), exercise.id)
        self._python("check", f'check("{exercise.id}")', exercise.id)

    def _given(self, *, first: bool = False) -> None:
        """The given code down to the next exercise. Page and code have one order, so the parts come as they stand."""
        if self._parts and self._parts[0].exercise is None:
            code = self._parts.pop(0).source
            code = _without_docstring(code) if first else code
            if code:
                self._python("setup", code)

    def _markdown(self, text: str, exercise: str | None = None) -> None:
        self.cells.append({"cell_type": "markdown", **self._common("prose", text, exercise)})

    def _python(self, kind: str, code: str, exercise: str | None = None) -> None:
        common = self._common(kind, code, exercise)
        self.cells.append({"cell_type": "code", "execution_count": None, "outputs": [], **common})

    def _common(self, kind: str, text: str, exercise: str | None) -> Cell:
        """An exercise's cells are found by name for ever; the others by their place."""
        name = exercise or str(len(self.cells) + 1)
        facts = {"kind": kind} if exercise is None else {"kind": kind, "exercise": exercise}
        source = text.strip("\n").splitlines(keepends=True)
        return {"id": f"{kind}-{name}"[:64], "metadata": {"unravel": facts}, "source": source}


def _without_docstring(code: str) -> str:
    """A module's docstring would be shown as the output of its cell."""
    body = ast.parse(code).body
    if body and isinstance(body[0], ast.Expr) and isinstance(body[0].value, ast.Constant):
        return "\n".join(code.split("\n")[body[0].end_lineno :]).strip("\n")
    return code
