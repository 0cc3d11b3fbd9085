"""Where the files of a course lie, and which files are there that belong to nothing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from unravel.course.chapter import FILE, ChapterFacts
from unravel.course.faults import Faults, near
from unravel.course.rules import fault
from unravel.errors import ContentError

CHAPTERS, SOLUTIONS, TESTS = "chapters", "solutions", "tests/exercises"
# What tools leave behind, and what may stand beside the chapters.
_LITTER = ("__pycache__",)
_AT_THE_TOP = ("README.md", "conftest.py", "__init__.py")


@dataclass(frozen=True)
class Files:
    """The four files of a lesson."""

    page: Path
    stub: Path
    solution: Path
    tests: Path


def files_of(root: Path, chapter: str, lesson: str) -> Files:
    """Where the four files of a lesson are, or would be."""
    return Files(
        page=root / CHAPTERS / chapter / f"{lesson}.md",
        stub=root / CHAPTERS / chapter / f"{lesson}.py",
        solution=root / SOLUTIONS / chapter / f"{lesson}.py",
        tests=root / TESTS / chapter / f"test_{lesson}.py",
    )


def chapter_folders(root: Path) -> list[Path]:
    """The folders in `chapters/`, in the order of the course."""
    place = root / CHAPTERS
    if not place.is_dir():
        raise ContentError("There is no folder of chapters.", fix="Give the root of a course.", path=place)
    return sorted(item for item in place.iterdir() if item.is_dir() and not _litter(item))


def check_present(files: Files, chapter: ChapterFacts, faults: Faults) -> bool:
    """Reports each of a lesson's files that is missing; True when the page, solution and tests are there."""
    lesson = files.page.stem
    if not files.page.is_file():
        pages = [path.stem for path in files.page.parent.glob("*.md")]
        fix = near(lesson, pages, listing=False) or f"Run `unravel dev new {chapter.id} {lesson}`."
        line = chapter.line_of("lessons")
        faults.add(fault(f"The lesson `{lesson}` has no page `{lesson}.md`.", fix, chapter.path, line))
        return False
    for path in (files.solution, files.tests):
        if not path.is_file():
            fix = "Create it, or take the lesson out of `chapter.toml`."
            faults.add(ContentError(f"The lesson `{lesson}` lacks this file.", fix=fix, path=path))
    if not files.stub.is_file():
        fix = "Run `unravel dev sync`."
        faults.add(ContentError(f"The lesson `{lesson}` has no stub.", fix=fix, path=files.stub))
    return files.solution.is_file() and files.tests.is_file()


def check_strays(root: Path, lessons: dict[str, tuple[str, ...]], faults: Faults) -> None:
    """Reports each file that belongs to no lesson. `lessons` maps the chapters to their lessons."""
    wanted: set[Path] = set()
    for chapter, names in lessons.items():
        wanted.add(root / CHAPTERS / chapter / FILE)
        for name in names:
            wanted.update(vars(files_of(root, chapter, name)).values())
    for tree in (CHAPTERS, SOLUTIONS, TESTS):
        for path in _walk(root / tree, lessons):
            if path not in wanted and not (path.parent == root / tree and path.name in _AT_THE_TOP):
                fix = "List its lesson in `chapter.toml`, or move or delete it."
                faults.add(ContentError("This belongs to no lesson.", fix=fix, path=path))


def _walk(tree: Path, lessons: dict[str, tuple[str, ...]]) -> Iterator[Path]:
    for item in sorted(tree.iterdir()) if tree.is_dir() else ():
        if _litter(item):
            continue
        if item.is_dir() and item.name in lessons:
            yield from (inner for inner in sorted(item.iterdir()) if not _litter(inner))
        elif not (item.is_dir() and tree.name == CHAPTERS):
            yield item


def _litter(path: Path) -> bool:
    return path.name.startswith(".") or path.name in _LITTER
