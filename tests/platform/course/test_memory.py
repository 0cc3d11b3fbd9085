"""What is remembered is what would be read, never out of date, and never needed."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from unravel.course import load
from unravel.course.load import load_course, load_problems
from unravel.course.markers import make_stub
from unravel.course.memory import Memory

LESSONS = 60


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "cache" / "course"


def count_reads(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The pages that are really read from now on."""
    read: list[str] = []
    real = load.read_lesson

    def spy(chapter: str, files: object, faults: object) -> object:
        read.append(files.page.stem)  # type: ignore[attr-defined]
        return real(chapter, files, faults)  # type: ignore[arg-type]

    monkeypatch.setattr(load, "read_lesson", spy)
    return read


def test_remembered_course_equals_the_read_one(tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = load_course(tiny)
    read = count_reads(monkeypatch)
    assert load_course(tiny) == first
    assert read == []


@pytest.mark.parametrize(
    "file", ["chapters/ch00_tiny/more.md", "solutions/ch00_tiny/more.py", "tests/exercises/ch00_tiny/test_more.py"]
)
def test_changed_lesson_is_read_again(tiny: Path, monkeypatch: pytest.MonkeyPatch, file: str) -> None:
    load_course(tiny)
    read = count_reads(monkeypatch)
    path = tiny / file
    path.write_text(path.read_text() + "\n")
    load_course(tiny)
    assert read == ["more"]


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("chapters/ch00_tiny/more.md", ":points: 2\n", ""),
        ("chapters/ch00_tiny/basics.md", "x.square().mean()\n", "double(x)\n"),
        ("tests/exercises/ch00_tiny/test_more.py", 'right="n + 1"', 'right="n + 2"'),
    ],
)
def test_faulty_lesson_is_never_remembered(tiny: Path, file: str, old: str, new: str) -> None:
    path = tiny / file
    good = path.read_text()
    path.write_text(good.replace(old, new))
    first = list(map(str, load_problems(tiny)))
    assert len(first) == 1
    assert list(map(str, load_problems(tiny))) == first
    path.write_text(good)
    assert load_problems(tiny) == []


@pytest.mark.parametrize("text", ["", "[]", "{", '{"x": 1}', "null", "\x00"])
def test_damaged_memory_is_ignored(tiny: Path, cache: Path, text: str) -> None:
    first = load_course(tiny)
    (file,) = cache.iterdir()
    file.write_text(text)
    assert load_course(tiny) == first
    assert load_course(tiny) == first
    assert json.loads(file.read_text())


def test_entries_of_the_wrong_shape_are_ignored(tiny: Path, cache: Path) -> None:
    first = load_course(tiny)
    (file,) = cache.iterdir()
    file.write_text(json.dumps({key: {"title": "x", "blocks": [["Nope"]]} for key in json.loads(file.read_text())}))
    assert load_course(tiny) == first


def test_memory_that_cannot_be_written_is_no_fault(tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("not a folder")
    monkeypatch.setenv("UNRAVEL_CACHE", str(tmp_path / "file"))
    assert load_course(tiny).root == tiny


def test_saving_leaves_one_whole_file(tiny: Path, cache: Path) -> None:
    load_course(tiny)
    Memory(tiny).save()
    assert len(list(cache.iterdir())) == 1


def grow(tiny: Path) -> None:
    """Makes of the tiny course one of `LESSONS` lessons, each with 5 exercises and long checks."""
    names = [exercise.id for exercise in load_course(tiny).lesson("basics").exercises]
    for number in range(LESSONS):
        chapter, lesson = f"ch{1 + number // 6:02d}_grown", f"lesson_{number}"
        for tree, file, name in (
            ("chapters", "basics.md", f"{lesson}.md"),
            ("solutions", "basics.py", f"{lesson}.py"),
            ("tests/exercises", "test_basics.py", f"test_{lesson}.py"),
        ):
            text = (tiny / tree / "ch00_tiny" / file).read_text()
            for exercise in names:
                text = text.replace(exercise, f"{exercise}_{chr(97 + number // 26)}{chr(97 + number % 26)}")
            place = tiny / tree / chapter / name
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text(text + "\n".join(f"# {i}" for i in range(300)) * (tree == "tests/exercises"))
            if tree == "solutions":
                (tiny / "chapters" / chapter / name).write_text(make_stub(text))
        lessons = [f"lesson_{i}" for i in range(number - number % 6, number + 1)]
        facts = 'title = "x"\nsummary = "x"\ngoals = ["x"]\nprerequisites = []\nhours = 1\n'
        facts += f"lessons = {json.dumps(lessons)}\n"
        (tiny / "chapters" / chapter / "chapter.toml").write_text(facts)


def test_large_course_is_remembered_in_no_time(tiny: Path) -> None:
    grow(tiny)
    assert sum(1 for _ in load_course(tiny).lessons()) == LESSONS + 2
    best = min(_timed(tiny) for _ in range(5))
    assert best < 0.3, f"{best:.3f} s"


def _timed(root: Path) -> float:
    started = time.perf_counter()
    load_course(root)
    return time.perf_counter() - started
