"""A whole course loads from its files, and each way to break it is told with its place and its remedy."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from unravel.course.load import load_course, load_problems
from unravel.course.model import Place
from unravel.errors import ContentError

TOML = "chapters/ch00_tiny/chapter.toml"
PAGE = "chapters/ch00_tiny/basics.md"
MORE = "chapters/ch00_tiny/more.md"
CODE = "solutions/ch00_tiny/basics.py"
MORE_CODE = "solutions/ch00_tiny/more.py"
TESTS = "tests/exercises/ch00_tiny/test_basics.py"
MORE_TESTS = "tests/exercises/ch00_tiny/test_more.py"


def test_tiny_course_loads(tiny: Path) -> None:
    course = load_course(tiny)
    (chapter,) = course.chapters
    assert (chapter.id, chapter.title, chapter.hours) == ("ch00_tiny", "A tiny chapter", 0.5)
    assert [lesson.id for lesson in course.lessons()] == ["basics", "more"]
    assert [exercise.id for exercise in course.exercises()] == ["double", "mean_square", "ANSWER", "Scale", "count_up"]
    basics = course.lesson("basics")
    assert (basics.title, basics.points, basics.imports) == ("The basics", 7, ("torch", "jaxtyping"))
    assert [block.exercise for block in basics.blocks if isinstance(block, Place)] == [
        exercise.id for exercise in basics.exercises
    ]
    square = course.exercise("mean_square")
    assert (square.needs, square.kind, square.points) == (("double",), "function", 2)
    assert (len(square.checks), len(square.mistakes), len(square.alternatives)) == (2, 3, 1)
    assert course.exercise("double").checks[1].hidden
    assert load_problems(tiny) == []


def replace(root: Path, file: str, old: str, new: str) -> None:
    path = root / file
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def swap(file: str, *pairs: tuple[str, str]) -> Callable[[Path], None]:
    """Breaks a file by replacing texts in it."""

    def run(root: Path) -> None:
        for old, new in pairs:
            replace(root, file, old, new)

    return run


def write(file: str, text: str = "x = 1\n") -> Callable[[Path], None]:
    def run(root: Path) -> None:
        path = root / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    return run


def remove(file: str) -> Callable[[Path], None]:
    return lambda root: (root / file).unlink()


def both(*breaks: Callable[[Path], None]) -> Callable[[Path], None]:
    def run(root: Path) -> None:
        for item in breaks:
            item(root)

    return run


def rename_exercise(old: str, new: str, page: str, code: str, tests: str) -> Callable[[Path], None]:
    return both(*(swap(file, (old, new)) for file in (page, code, tests)))


def page_part(name: str) -> Callable[[Path], str]:
    """The directive of an exercise in the page of the lesson `basics`."""

    def find(root: Path) -> str:
        text = (root / PAGE).read_text()
        begin = text.index(f"::::{{exercise}} {name}\n")
        return text[begin : text.index("\n::::\n", begin) + 6]

    return find


def drop_from_page(name: str) -> Callable[[Path], None]:
    return lambda root: replace(root, PAGE, page_part(name)(root), "")


def move_to_end_of_page(name: str) -> Callable[[Path], None]:
    def run(root: Path) -> None:
        part = page_part(name)(root)
        drop_from_page(name)(root)
        (root / PAGE).write_text((root / PAGE).read_text() + "\n" + part)

    return run


def second_chapter(root: Path) -> None:
    """A copy of the chapter under other names: `ch01_more` with the lesson `other` and its exercise `count_on`."""
    for file, place in (
        (MORE, "chapters/ch01_more/other.md"),
        (MORE.replace(".md", ".py"), "chapters/ch01_more/other.py"),
        (MORE_CODE, "solutions/ch01_more/other.py"),
        (MORE_TESTS, "tests/exercises/ch01_more/test_other.py"),
        (TOML, "chapters/ch01_more/chapter.toml"),
    ):
        text = (root / file).read_text().replace("count_up", "count_on")
        write(place, text.replace('["basics", "more"]', '["other"]'))(root)


def test_second_chapter_is_sound(tiny: Path) -> None:
    second_chapter(tiny)
    assert load_problems(tiny) == []


# How the course is broken; the file; a text in the line of the fault (None: no line); words of fault and of fix.
Case = tuple[Callable[[Path], None], str, str | None, str, str]
BAD: dict[str, Case] = {
    "missing end marker": (
        swap(MORE_CODE, ("    ### END SOLUTION\n", "")),
        MORE_CODE,
        "### BEGIN SOLUTION",
        "has no `### END SOLUTION`",
        "after the solution",
    ),
    "end marker first": (
        swap(MORE_CODE, ("### BEGIN SOLUTION", "### END SOLUTION")),
        MORE_CODE,
        "### END SOLUTION",
        "without a `### BEGIN SOLUTION`",
        "before it",
    ),
    "nested markers": (
        swap(MORE_CODE, ("    return list", "    ### BEGIN SOLUTION\n    return list")),
        MORE_CODE,
        "### BEGIN SOLUTION\n    return",
        "inside the region of line 10",
        "End that one first",
    ),
    "marker in a string": (
        swap(MORE_CODE, ("    [1, 2, 3]\n", "    ### END SOLUTION\n")),
        MORE_CODE,
        "### END SOLUTION",
        "inside a string",
        "other words",
    ),
    "unknown directive": (swap(PAGE, ("{note}", "{notes}")), PAGE, "{notes}", "no directive `{notes}`", "mean `note`"),
    "unknown option": (swap(MORE, (":points:", ":point:")), MORE, ":point:", "no option `:point:`", "mean `points`"),
    "missing option": (
        swap(MORE, (":points: 2\n", "")),
        MORE,
        "{exercise}",
        "`count_up` has no `:points:`",
        "`:points: ...`",
    ),
    "exercise without hint": (
        swap(MORE, (":::{hint}\n`range` stops before its end.\n:::\n", "")),
        MORE,
        "{exercise}",
        "`count_up` has no hint",
        ":::{hint}",
    ),
    "unclosed directive": (
        swap(PAGE, ("`2 * x`\n:::\n::::\n", "`2 * x`\n:::\n")),
        PAGE,
        "{exercise} double",
        "not closed",
        "before line",
    ),
    "no title": (swap(MORE, ("# A", "A")), MORE, "A little", "no title", "# Title"),
    "id twice in a lesson": (
        swap(PAGE, ("{exercise} Scale", "{exercise} double")),
        PAGE,
        "{exercise} double\n:title: A module",
        "Two exercises are called `double`",
        "rename one",
    ),
    "id twice in the code": (
        swap(CODE, ("def mean_square", "def double")),
        CODE,
        'def double(x: Float[Tensor, "n"]) -> Float[Tensor, ""]',
        "`double` is defined twice",
        "Rename",
    ),
    "id twice in the course": (
        rename_exercise("count_up", "double", MORE, MORE_CODE, MORE_TESTS),
        MORE,
        "{exercise} double",
        "`double` is also the exercise in chapters/ch00_tiny/basics.md:20",
        "Rename one",
    ),
    "id of a lesson": (
        rename_exercise("count_up", "basics", MORE, MORE_CODE, MORE_TESTS),
        MORE,
        "{exercise} basics",
        "`basics` is also the lesson chapters/ch00_tiny/basics.md",
        "Rename one",
    ),
    "id of a chapter": (
        rename_exercise("count_up", "ch00_tiny", MORE, MORE_CODE, MORE_TESTS),
        MORE,
        "{exercise} ch00_tiny",
        "`ch00_tiny` is also the chapter",
        "Rename one",
    ),
    "lesson twice in the course": (
        both(second_chapter, lambda root: _rename_lesson(root, "ch01_more", "other", "more")),
        "chapters/ch01_more/more.md",
        "# A little more",
        "`more` is also the lesson chapters/ch00_tiny/more.md",
        "Rename its four files",
    ),
    "exercise without code": (
        swap(MORE, ("{exercise} count_up", "{exercise} count_op")),
        MORE,
        "{exercise} count_op",
        "`count_op` has no code",
        "Did you mean `count_up`?",
    ),
    "code without a place": (
        drop_from_page("ANSWER"),
        CODE,
        "ANSWER: int = 42",
        "`ANSWER` has no place",
        "exercise} ANSWER",
    ),
    "other order": (
        move_to_end_of_page("mean_square"),
        PAGE,
        "{exercise} ANSWER",
        "`ANSWER` comes in another order",
        "line 19 of basics.py stands `mean_square`",
    ),
    "no exercise at all": (
        both(write(MORE, "# More\n\nText.\n"), write(MORE_CODE, "x = 1\n")),
        MORE,
        "# More",
        "no exercise",
        "Add one",
    ),
    "demo that calls an exercise": (
        swap(PAGE, ("x.square().mean()\n", "double(x)\n")),
        PAGE,
        "double(x)",
        "calls the exercise `double`",
        "code of its own",
    ),
    "need that is not told": (
        swap(PAGE, (":needs: double\n", "")),
        PAGE,
        "{exercise} mean_square",
        "solution of `mean_square` uses `double`",
        "`:needs:`",
    ),
    "need of the unknown": (
        swap(PAGE, (":needs: double", ":needs: double, doubel")),
        PAGE,
        ":needs: double, doubel",
        "`mean_square` needs `doubel`",
        "mean `double`",
    ),
    "need of itself": (
        swap(PAGE, (":needs: double", ":needs: double, mean_square")),
        PAGE,
        ":needs: double, mean",
        "`mean_square` needs `mean_square`",
        "",
    ),
    "needs in a circle": (
        swap(PAGE, (":title: Double a vector\n", ":title: Double a vector\n:needs: mean_square\n")),
        PAGE,
        ":needs:",
        "goes in a circle",
        "Take one of these",
    ),
    "check of the unknown": (
        swap(MORE_TESTS, ('@checks("count_up")', '@checks("count_upp")')),
        MORE_TESTS,
        "def test_three",
        "This check is about `count_upp`",
        "mean `count_up`",
    ),
    "exercise without check": (
        swap(TESTS, ('@checks("ANSWER")', '@checks("double")')),
        TESTS,
        '"""Checks of',
        "`ANSWER` has no check",
        '@checks("ANSWER")',
    ),
    "mistake of the unknown": (
        swap(MORE_TESTS, ('Mistake("count_up", why="You began', 'Mistake("count_pu", why="You began')),
        MORE_TESTS,
        "count_pu",
        "This edit is about `count_pu`",
        "mean `count_up`",
    ),
    "mistake that never fits": (
        swap(MORE_TESTS, ('right="n + 1"', 'right="n + 2"')),
        MORE_TESTS,
        "n + 2",
        "'n + 2' does not occur",
        "exactly once",
    ),
    "mistake that fits twice": (
        swap(MORE_TESTS, ('right="range(1, n + 1)"', 'right="n"')),
        MORE_TESTS,
        'right="n"',
        "occurs 3 times",
        "exactly once",
    ),
    "check argument that is no literal": (
        swap(MORE_TESTS, ("seconds=2.0", "seconds=2 * TIME")),
        MORE_TESTS,
        "2 * TIME",
        "`seconds` of `checks` is not a literal",
        "value itself",
    ),
    "check without docstring": (
        swap(MORE_TESTS, ('    """Up to 3, the numbers are 1, 2 and 3."""\n', "")),
        MORE_TESTS,
        "def test_three",
        "has no docstring",
        "one sentence",
    ),
    "stray page": (
        write("chapters/ch00_tiny/extra.md"),
        "chapters/ch00_tiny/extra.md",
        None,
        "no lesson",
        "chapter.toml",
    ),
    "stray solution": (write("solutions/ch00_tiny/old.py"), "solutions/ch00_tiny/old.py", None, "no lesson", "delete"),
    "stray tests": (
        write("tests/exercises/ch00_tiny/tests_more.py"),
        "tests/exercises/ch00_tiny/tests_more.py",
        None,
        "no lesson",
        "move or delete",
    ),
    "stray folder of solutions": (write("solutions/ch01_x/a.py"), "solutions/ch01_x", None, "no lesson", "delete"),
    "stray file beside the chapters": (write("chapters/notes.txt"), "chapters/notes.txt", None, "no lesson", "delete"),
    "missing solution": (remove(MORE_CODE), MORE_CODE, None, "`more` lacks this file", "Create it"),
    "missing tests": (remove(MORE_TESTS), MORE_TESTS, None, "`more` lacks this file", "Create it"),
    "missing stub": (remove("chapters/ch00_tiny/more.py"), "chapters/ch00_tiny/more.py", None, "no stub", "dev sync"),
    "toml: syntax": (swap(TOML, ("hours = 0.5", "hours =")), TOML, "hours", "Not valid TOML", "syntax"),
    "toml: cut off": (swap(TOML, ('"more"]', '"more"')), TOML, "\n\n", "Not valid TOML", "syntax"),
    "toml: missing file": (remove(TOML), TOML, None, "missing", "Create it"),
    "toml: missing key": (swap(TOML, ("hours = 0.5\n", "")), TOML, "title", "`hours` is missing", "`hours = 4`"),
    "toml: unknown key": (swap(TOML, ("hours", "hour")), TOML, "hour =", "no key `hour`", "mean `hours`"),
    "toml: wrong type": (swap(TOML, ("= 0.5", '= "long"')), TOML, "hours", "`hours` is 'long'", "`hours = 4`"),
    "toml: no goal": (swap(TOML, ("goals = [", "goals = [] # [")), TOML, "goals", "`goals` is []", "goals = ["),
    "toml: empty title": (swap(TOML, ('"A tiny chapter"', '" "')), TOML, "title", "`title` is ' '", "title = "),
    "toml: unknown lesson": (
        swap(TOML, ('"more"]', '"mroe"]')),
        TOML,
        "lessons",
        "`mroe` has no page `mroe.md`",
        "Did you mean `more`?",
    ),
    "toml: lesson without page": (
        swap(TOML, ('"more"]', '"more", "zebra"]')),
        TOML,
        "lessons",
        "`zebra` has no page",
        "`unravel dev new ch00_tiny zebra`",
    ),
    "toml: lesson twice": (swap(TOML, ('"more"]', '"more", "more"]')), TOML, "lessons", "listed twice", "Delete"),
    "toml: bad lesson name": (swap(TOML, ('"more"]', '"More!"]')), TOML, "lessons", "no name for a lesson", "letters"),
    "toml: unknown prerequisite": (
        both(second_chapter, swap("chapters/ch01_more/chapter.toml", ("sites = []", 'sites = ["ch00_tyni"]'))),
        "chapters/ch01_more/chapter.toml",
        "prerequisites",
        "`ch00_tyni` is no earlier chapter",
        "mean `ch00_tiny`",
    ),
    "toml: later prerequisite": (
        both(second_chapter, swap(TOML, ("sites = []", 'sites = ["ch01_more"]'))),
        TOML,
        "prerequisites",
        "`ch01_more` is no earlier chapter",
        "no chapter comes before",
    ),
    "chapter's name": (
        lambda root: (root / "chapters/ch00_tiny").rename(root / "chapters/tiny"),
        "chapters/tiny",
        None,
        "no name for a chapter",
        "ch03_",
    ),
    "no chapters": (lambda root: shutil.rmtree(root / "chapters"), "chapters", None, "no folder of chapters", "root"),
}


def _rename_lesson(root: Path, chapter: str, old: str, new: str) -> None:
    for folder, name in (
        (f"chapters/{chapter}", "{}.md"),
        (f"chapters/{chapter}", "{}.py"),
        (f"solutions/{chapter}", "{}.py"),
        (f"tests/exercises/{chapter}", "test_{}.py"),
    ):
        (root / folder / name.format(old)).rename(root / folder / name.format(new))
    replace(root, f"chapters/{chapter}/chapter.toml", f'"{old}"', f'"{new}"')


def _same(error: ContentError, root: Path, case: str) -> bool:
    _, file, place, fault, fix = BAD[case]
    path = root / file
    line = None
    if place is not None:
        text = path.read_text()
        line = text.count("\n", 0, text.index(place)) + 1 if place in text else text.count("\n") + 1
    return (error.path, error.line) == (path, line) and fault in error.fault and fix in error.fix


@pytest.mark.parametrize("case", BAD)
def test_broken_course_is_told(tiny: Path, case: str) -> None:
    load_course(tiny)  # remembered lessons must not hide the fault
    BAD[case][0](tiny)
    with pytest.raises(ContentError) as caught:
        load_course(tiny)
    found = load_problems(tiny)
    assert str(caught.value) == str(found[0])
    assert any(_same(error, tiny, case) for error in found), "\n".join(map(str, found))
    assert all((error.path is not None and error.fix) or case == "need of itself" for error in found)


def test_problems_of_many_kinds_are_gathered(tiny: Path) -> None:
    names = ["missing option", "demo that calls an exercise", "stray solution", "mistake that never fits"]
    for name in names:
        BAD[name][0](tiny)
    found = load_problems(tiny)
    assert all(any(_same(error, tiny, name) for error in found) for name in names[:3])
    replace(tiny, MORE, ":minutes: 3\n", ":minutes: 3\n:points: 2\n")
    assert any(_same(error, tiny, "mistake that never fits") for error in load_problems(tiny))


def test_litter_of_tools_is_no_fault(tiny: Path) -> None:
    write("solutions/ch00_tiny/__pycache__/x.pyc")(tiny)
    write("chapters/ch00_tiny/.ipynb_checkpoints/x.ipynb")(tiny)
    write("tests/exercises/conftest.py")(tiny)
    assert load_problems(tiny) == []


def test_loading_runs_no_lesson_and_imports_no_torch(tiny: Path) -> None:
    for file in (MORE_CODE, MORE_TESTS):
        (tiny / file).write_text((tiny / file).read_text() + '\n\nraise SystemExit("this lesson was run")\n')
    code = f"""
import sys
from pathlib import Path
from unravel.course.load import load_course
course = load_course(Path({str(tiny)!r}))
assert len(list(course.exercises())) == 5
heavy = {{"torch", "numpy", "nbformat", "nbgrader", "pytest"}} & set(sys.modules)
assert not heavy, heavy
assert not any("tiny" in name or name in ("basics", "more", "submission") for name in sys.modules)
print("loaded")
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout) == (0, "loaded\n"), done.stderr


def test_missing_root_is_told(tmp_path: Path) -> None:
    with pytest.raises(ContentError, match="no folder of chapters"):
        load_course(tmp_path / "nowhere")
    (problem,) = load_problems(tmp_path / "nowhere")
    assert problem.path == tmp_path / "nowhere" / "chapters"
