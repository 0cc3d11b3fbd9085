"""What `dev new` writes loads at once, and its own checks accept its solution and reject its mistakes."""

from __future__ import annotations

import ast
import shutil
import subprocess
import sys
import types
from pathlib import Path

import pytest
from click.testing import CliRunner

from unravel.course.checks import apply_edit
from unravel.course.load import load_course, load_problems
from unravel.course.model import Lesson
from unravel.dev.commands import dev
from unravel.dev.insert import add_imports, add_items, append
from unravel.dev.new import new
from unravel.errors import ContentError, UnravelError

TINY = Path(__file__).parent.parent / "tiny_course"
ROOT = Path(__file__).parents[3]


@pytest.fixture
def tiny(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("UNRAVEL_CACHE", str(tmp_path / "cache"))
    return Path(shutil.copytree(TINY, tmp_path / "tiny", ignore=shutil.ignore_patterns("__pycache__")))


def run_checks(lesson: Lesson, exercise: str, source: str) -> list[str]:
    """The names of the exercise's checks that fail on `source`, run in this process on plain values."""
    from unravel.grading.authoring import Draw

    submission = types.ModuleType("submission")
    exec(source, vars(submission))
    tests: dict[str, object] = {}
    exec(lesson.tests.read_text(), tests)
    failed = []
    for check in next(item for item in lesson.exercises if item.id == exercise).checks:
        function = tests[check.name]
        takes_draw = "draw" in function.__code__.co_varnames[: function.__code__.co_argcount]  # type: ignore[attr-defined]
        try:
            function(submission, **({"draw": Draw(1)} if takes_draw else {}))  # type: ignore[operator]
        except AssertionError:
            failed.append(check.name)
    return failed


def prove(root: Path, exercise: str) -> None:
    course = load_course(root)
    found = course.exercise(exercise)
    lesson = course.lesson(found.lesson)
    solution = lesson.solution.read_text()
    assert run_checks(lesson, exercise, solution) == []
    assert len(found.mistakes) >= 3
    for mistake in found.mistakes:
        assert run_checks(lesson, exercise, apply_edit(solution, exercise, mistake)), mistake.why
    for alternative in found.alternatives:
        assert run_checks(lesson, exercise, apply_edit(solution, exercise, alternative)) == []


def test_new_lesson_in_a_chapter(tiny: Path) -> None:
    written = new(tiny, "ch00_tiny", "third")
    assert {str(path.relative_to(tiny)) for path in written} == {
        "chapters/ch00_tiny/chapter.toml",
        "chapters/ch00_tiny/third.md",
        "chapters/ch00_tiny/third.py",
        "solutions/ch00_tiny/third.py",
        "tests/exercises/ch00_tiny/test_third.py",
    }
    assert load_problems(tiny) == []
    assert [lesson.id for lesson in load_course(tiny).lessons()] == ["basics", "more", "third"]
    prove(tiny, "third_start")


def test_new_chapter(tiny: Path) -> None:
    new(tiny, "ch01_sparse_codes", "first", "shift_to_zero")
    assert load_problems(tiny) == []
    chapter = load_course(tiny).chapters[1]
    assert (chapter.id, chapter.title) == ("ch01_sparse_codes", "Sparse codes")
    prove(tiny, "shift_to_zero")


def test_first_chapter_of_a_new_course(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UNRAVEL_CACHE", str(tmp_path / "cache"))
    (tmp_path / "course").mkdir()
    new(tmp_path / "course", "ch00_start", "first")
    assert load_problems(tmp_path / "course") == []


@pytest.mark.parametrize("lesson", ["basics", "more"])
def test_new_exercise_in_a_lesson(tiny: Path, lesson: str) -> None:
    before = {path: path.read_text() for path in tiny.rglob("*") if path.is_file()}
    new(tiny, "ch00_tiny", lesson, "centre")
    assert load_problems(tiny) == []
    course = load_course(tiny)
    assert [exercise.id for exercise in course.lesson(lesson).exercises][-1] == "centre"
    prove(tiny, "centre")
    for path, text in before.items():
        assert set(text.split("\n")) <= set(path.read_text().split("\n")), path


def test_two_exercises_after_another(tiny: Path) -> None:
    new(tiny, "ch00_tiny", "more", "one")
    new(tiny, "ch00_tiny", "more", "two")
    assert load_problems(tiny) == []
    assert [exercise.id for exercise in load_course(tiny).lesson("more").exercises] == ["count_up", "one", "two"]


@pytest.mark.parametrize(
    "lessons",
    ['[\n  "basics",\n  "more",\n]', '[\n  "basics",\n  "more"\n]', '["basics", "more",]', '["basics","more"]'],
)
def test_lesson_is_added_to_the_list_as_it_is_written(tiny: Path, lessons: str) -> None:
    path = tiny / "chapters/ch00_tiny/chapter.toml"
    path.write_text(path.read_text().replace('["basics", "more"]', lessons) + "# kept\n")
    new(tiny, "ch00_tiny", "third")
    assert load_problems(tiny) == []
    text = path.read_text()
    assert text.endswith("# kept\n")
    assert ("\n" in lessons) == ('\n  "third"' in text)


def test_chapter_without_a_list_is_told_and_nothing_written(tiny: Path) -> None:
    path = tiny / "chapters/ch00_tiny/chapter.toml"
    path.write_text("title = 'x'\n")
    with pytest.raises(ContentError, match="lists no lessons") as caught:
        new(tiny, "ch00_tiny", "third")
    assert caught.value.path == path
    assert not (tiny / "chapters/ch00_tiny/third.md").exists()


@pytest.mark.parametrize(
    ("arguments", "fault", "fix"),
    [
        (("tiny", "third"), "`tiny` is no name for a chapter", "ch03_"),
        (("ch00_tiny", "Third"), "`Third` is no name for a lesson", "small letters"),
        (("ch00_tiny", "third", "two words"), "`two words` is no name for an exercise", "Python function"),
        (("ch00_tiny", "third", "class"), "`class` is no name for an exercise", "Python function"),
        (("ch00_tiny", "third", "größe"), "is no name for an exercise", "Python function"),
        (("ch00_tiny", "more"), "`more` is there already", "Name an exercise"),
        (("ch00_tiny", "more", "double"), "`double` is in use", "Choose another"),
        (("ch00_tiny", "more", "basics"), "`basics` is in use", "Choose another"),
        (("ch00_tiny", "third", "third"), "`third` is in use", "Choose another"),
        (("ch01_x", "basics"), "`basics` is in use", "Choose another"),
        (("ch01_x", "double"), "`double` is in use", "Choose another"),
    ],
)
def test_bad_names_are_refused_and_nothing_written(
    tiny: Path, arguments: tuple[str, ...], fault: str, fix: str
) -> None:
    before = {path: path.stat().st_mtime_ns for path in tiny.rglob("*")}
    with pytest.raises(UnravelError) as caught:
        new(tiny, *arguments)
    assert fault in caught.value.fault
    assert fix in caught.value.fix
    assert {path: path.stat().st_mtime_ns for path in tiny.rglob("*")} == before


def test_new_files_keep_the_house_style(tiny: Path) -> None:
    written = new(tiny, "ch00_tiny", "third")
    for path in written:
        if path.suffix == ".py" and "chapters" not in path.parts:
            name = ROOT / path.relative_to(tiny)
            command = [sys.executable, "-m", "ruff", "check", "--no-cache", "--stdin-filename", str(name), "-"]
            done = subprocess.run(
                command, input=path.read_text(), capture_output=True, text=True, cwd=ROOT, check=False
            )
            assert done.returncode == 0, done.stdout


def test_commands(tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UNRAVEL_COURSE", str(tiny))
    runner = CliRunner()
    done = runner.invoke(dev, ["new", "ch00_tiny", "third"])
    assert done.exit_code == 0, done.output
    assert "third.md" in done.output
    assert "unravel dev check third" in done.output
    assert "up to date" in runner.invoke(dev, ["sync"]).output
    (tiny / "chapters/ch00_tiny/third.py").unlink()
    assert "third.py" in runner.invoke(dev, ["sync"]).output
    assert (tiny / "chapters/ch00_tiny/third.py").exists()


def test_imports_are_added_once() -> None:
    wanted = {"torch": "import torch", "Float": "from jaxtyping import Float"}
    assert add_imports("x = 1\n", wanted) == "import torch\nfrom jaxtyping import Float\nx = 1\n"
    assert add_imports('"""Doc."""\n', wanted) == '"""Doc."""\n\nimport torch\nfrom jaxtyping import Float\n'
    full = add_imports("import torch\nfrom jaxtyping import (\n    Float,\n    Int,\n)\nx = 1\n", wanted)
    assert (
        add_imports(full, wanted) == full == "import torch\nfrom jaxtyping import (\n    Float,\n    Int,\n)\nx = 1\n"
    )


@pytest.mark.parametrize(
    "text", ["X = []\n", "X = [1]\n", "X = [\n    1,\n]\n", "X: list = [1,]\n", "y = 'é'; X = [1]\n", ""]
)
def test_items_are_added_to_a_list(text: str) -> None:
    changed = add_items(text, "X", "    2,\n", Path("x.py"))
    values: dict[str, object] = {}
    exec(changed, values)
    assert values["X"] == ([1, 2] if "1" in text else [2])
    ast.parse(changed)


def test_items_cannot_be_added_to_what_is_no_list() -> None:
    with pytest.raises(ContentError, match="`X` is not a list"):
        add_items("X = make()\n", "X", "2,\n", Path("x.py"))


def test_append_leaves_no_gap() -> None:
    assert append("a\n\n\n", "b\n") == "a\nb\n"
