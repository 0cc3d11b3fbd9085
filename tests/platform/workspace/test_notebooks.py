"""A workspace of notebooks behaves as one of Python files does."""

import json
from pathlib import Path

import nbformat
import pytest

from unravel.course.load import load_course
from unravel.errors import UnravelError
from unravel.workspace.guide import next_exercise
from unravel.workspace.update import Fate
from unravel.workspace.workspace import Workspace

TINY = Path(__file__).parents[1] / "tiny_course"


@pytest.fixture
def tiny():
    return load_course(TINY)


@pytest.fixture
def mine(tmp_path, tiny):
    return Workspace.create(tmp_path / "mine", tiny, "ann", "ipynb")


@pytest.fixture
def path(mine, tiny):
    return mine.file(tiny.lesson("basics"))


def edit(path: Path, change) -> dict:
    book = json.loads(path.read_text())
    for cell in book["cells"]:
        if cell["cell_type"] == "code":
            change(cell)
    path.write_text(json.dumps(book))
    return book


def fill(name: str, source: str):
    def change(cell):
        if cell["metadata"].get("unravel") == {"exercise": name, "kind": "exercise"}:
            cell["source"] = source

    return change


def code(path: Path) -> list[str]:
    return ["".join(cell["source"]) for cell in json.loads(path.read_text())["cells"] if cell["cell_type"] == "code"]


def test_running_a_notebook_does_not_make_it_yours(mine, path, tiny):
    def run(cell):
        cell["execution_count"], cell["outputs"] = 3, [{"output_type": "stream", "name": "stdout", "text": "hi"}]

    edit(path, run)
    deliveries = json.loads(mine.delivered_file.read_text())
    deliveries["files"]["ch00_tiny/basics.ipynb"]["offered"] = "an older one"
    mine.delivered_file.write_text(json.dumps(deliveries))
    assert mine.update(tiny).changes[0].fate is Fate.SAME
    edit(path, fill("double", "def double(x): return 2 * x"))
    assert mine.update(tiny).changes[0].fate is Fate.KEPT


def test_one_exercise_is_reset_and_the_notebook_stays_one(mine, path, tiny):
    delivered = code(path)
    edit(path, fill("double", "import math\n\ndef double(x):\n    return 2 * x\n"))
    edit(path, fill("ANSWER", "ANSWER = 42"))
    report = mine.reset(tiny, "double")
    now = code(path)
    assert "ANSWER = 42" in now
    (restored,) = [cell for cell in now if "def double" in cell]
    assert restored.startswith("import math\n\ndef double(x: ")
    assert restored.endswith("raise NotImplementedError()")
    assert "return 2 * x" in report.backup.read_text()
    nbformat.validate(nbformat.read(path, 4))
    mine.reset(tiny, "basics")
    assert code(path) == delivered


def test_a_cell_with_a_syntax_error_is_reset(mine, path, tiny):
    delivered = code(path)
    edit(path, fill("double", "def double(x:\n"))
    mine.reset(tiny, "double")
    assert code(path) == delivered


def test_a_deleted_cell_is_appended_where_the_grader_finds_it(mine, path, tiny):
    book = json.loads(path.read_text())
    book["cells"] = [cell for cell in book["cells"] if "def double" not in "".join(cell["source"])]
    path.write_text(json.dumps(book))
    mine.reset(tiny, "double")
    last = json.loads(path.read_text())["cells"][-1]
    assert last["metadata"]["unravel"] == {"exercise": "double", "kind": "exercise"}
    assert "def double" in "".join(last["source"])
    nbformat.validate(nbformat.read(path, 4))


def test_a_broken_notebook_is_said_with_the_way_out(mine, path, tiny):
    path.write_text("{")
    with pytest.raises(UnravelError, match="unravel reset basics"):
        mine.reset(tiny, "double")
    assert path.read_text() == "{"
    assert next_exercise(mine, tiny).path == path


def test_the_spot_is_the_cell_of_the_exercise(mine, tiny):
    spot = next_exercise(mine, tiny)
    cell = json.loads(spot.path.read_text())["cells"][spot.line - 1]
    assert cell["metadata"]["unravel"] == {"exercise": "double", "kind": "exercise"}
