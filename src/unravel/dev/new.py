"""`unravel dev new`: the files of a new chapter, lesson or exercise, which load, pass and can be changed at once."""

from __future__ import annotations

import keyword
import re
import tomllib
from contextlib import suppress
from pathlib import Path

from unravel.course.chapter import FILE
from unravel.course.code import parse, read_code
from unravel.course.layout import CHAPTERS, SOLUTIONS, files_of
from unravel.course.text import read_text
from unravel.dev import templates
from unravel.dev.insert import add_imports, add_items, append
from unravel.dev.sync import sync
from unravel.errors import ContentError, UnravelError


def new(root: Path, chapter: str, lesson: str, exercise: str | None = None) -> list[Path]:
    """Adds an exercise to a lesson; the lesson, and its chapter, are made when they are not there yet.

    Returns the paths written. Where `exercise` is None, a new lesson gets one that is called after it.
    """
    files = files_of(root, chapter, lesson)
    exists = files.page.is_file()
    if exists and exercise is None:
        fix = "Name an exercise to add to it."
        raise UnravelError(f"The lesson `{lesson}` is there already.", fix=fix, path=files.page)
    name = exercise or f"{lesson}_start"
    _check_names(chapter, lesson, name)
    _check_free(root, [name] if exists else [lesson, name])
    title = _words(lesson)
    page = read_text(files.page) if exists else templates.PAGE.format(title=title)
    code = read_text(files.solution) if exists else f'"""{title}."""\n'
    checks = read_text(files.tests) if exists else f'"""Checks of the lesson `{lesson}`."""\n\n' + templates.TESTS
    written = {
        files.page: append(page, templates.EXERCISE.format(exercise=name, title=_words(name))),
        files.solution: append(add_imports(code, templates.SOLUTION_IMPORTS), _fill(templates.SOLUTION, name)),
        files.tests: _checks(checks, name, files.tests),
    }
    if not exists:
        path = files.page.parent / FILE
        written[path] = _chapter(path, chapter, lesson)
    for path, text in written.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8", newline="\n")
    return [*written, *(path for path in sync(root) if path == files.stub)]


def _checks(source: str, name: str, path: Path) -> str:
    parse(source, path)
    source = add_imports(source, templates.TESTS_IMPORTS)
    source = add_items(source, "MISTAKES", _fill(templates.MISTAKES, name), path)
    source = add_items(source, "ALTERNATIVES", _fill(templates.ALTERNATIVES, name), path)
    return append(source, _fill(templates.CHECKS, name))


def _fill(template: str, exercise: str) -> str:
    return template.replace("{exercise}", exercise)


def _chapter(path: Path, chapter: str, lesson: str) -> str:
    """The chapter's facts, with the lesson at the end of its list; a new file when there is none."""
    if not path.is_file():
        return templates.CHAPTER.format(title=_words(re.sub(r"^ch\d\d_", "", chapter)), lesson=lesson)
    text = read_text(path)
    listed = re.search(r"^lessons\s*=\s*\[([^\]]*)\]", text, re.MULTILINE)
    if listed is None:
        fix = 'Add a line `lessons = ["..."]`.'
        raise ContentError("This file lists no lessons.", fix=fix, path=path)
    before = listed[1].rstrip().rstrip(",")
    comma = ", " if "\n" not in before else ",\n  "
    after = ",\n" if "\n" in before else ""
    changed = (
        text[: listed.start(1)] + (before + comma if before else "") + f'"{lesson}"{after}' + text[listed.end(1) :]
    )
    try:
        tomllib.loads(changed)
    except tomllib.TOMLDecodeError:
        fix = f'Add `"{lesson}"` to its lessons by hand, then run this again.'
        raise ContentError("This file can't be changed safely.", fix=fix, path=path) from None
    return changed


def _check_names(chapter: str, lesson: str, exercise: str) -> None:
    if not re.fullmatch(r"ch\d\d_[a-z0-9_]+", chapter):
        raise UnravelError(f"`{chapter}` is no name for a chapter.", fix="Name it like `ch03_sparse_autoencoders`.")
    if not re.fullmatch(r"[a-z][a-z0-9_]*", lesson) or keyword.iskeyword(lesson):
        raise UnravelError(f"`{lesson}` is no name for a lesson.", fix="Use small letters, digits and underscores.")
    if not (exercise.isidentifier() and exercise.isascii()) or keyword.iskeyword(exercise):
        raise UnravelError(f"`{exercise}` is no name for an exercise.", fix="Name it like a Python function.")


def _check_free(root: Path, names: list[str]) -> None:
    """No chapter, lesson, exercise or top-level name of a solution is called like this."""
    taken = {path.stem for path in (root / CHAPTERS).rglob("*")}
    for path in (root / SOLUTIONS).glob("*/*.py"):
        with suppress(ContentError):
            taken.update(code.id for code in read_code(path).exercises)
    for number, name in enumerate(names):
        if name in taken or name in names[:number]:
            fix = "Choose another: names are unique in the course."
            raise UnravelError(f"The name `{name}` is in use.", fix=fix)


def _words(name: str) -> str:
    text = name.strip("_").replace("_", " ")
    return text[:1].upper() + text[1:]
