"""A workspace is made, found, mended and updated, and no work of the learner's is ever lost."""

import errno
import json
import os
import re
import shutil

import pytest

from unravel.errors import UnravelError
from unravel.workspace.guide import next_exercise
from unravel.workspace.settings import checked_learner
from unravel.workspace.update import Fate
from unravel.workspace.workspace import Workspace


def solve(path, answer="return 'mine'"):
    path.write_text(path.read_text().replace("raise NotImplementedError()", answer, 1))


def test_a_new_workspace_holds_stubs_and_its_learner(workspace, course):
    for lesson in course.lessons():
        text = workspace.file(lesson).read_text()
        assert "raise NotImplementedError()" in text
        assert "SOLUTION" not in text
    assert workspace.settings.learner == "ann"
    assert workspace.file(course.lesson("tensors")) == workspace.path / "ch00_basics" / "tensors.py"


def test_it_is_found_from_inside_and_by_the_variable(workspace, tmp_path, monkeypatch):
    monkeypatch.delenv("UNRAVEL_WORKSPACE", raising=False)
    assert Workspace.find(workspace.path / "ch00_basics") == workspace
    monkeypatch.chdir(workspace.path / "ch00_basics")
    assert Workspace.find() == workspace
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UnravelError, match="unravel init"):
        Workspace.find()
    monkeypatch.setenv("UNRAVEL_WORKSPACE", str(workspace.path))
    assert Workspace.find() == workspace


def test_a_learner_without_a_name_gets_a_readable_one():
    names = {checked_learner(None) for _ in range(50)}
    assert len(names) > 40
    assert all(re.fullmatch(r"[a-z]+-[a-z]+-\d{4}", name) for name in names)
    with pytest.raises(UnravelError, match="letters, digits"):
        checked_learner("../ann")


def test_a_workspace_is_not_made_twice(workspace, course):
    with pytest.raises(UnravelError, match="unravel update"):
        Workspace.create(workspace.path, course)


@pytest.mark.parametrize("damage", ["", "learner = ", 'learner = "ann"\nformat = "pdf"', 'learner = 3\nformat = "py"'])
def test_damaged_settings_say_the_way_out_and_init_takes_it(workspace, course, damage):
    mine = workspace.file(course.lesson("tensors"))
    solve(mine)
    before = mine.read_text()
    workspace.store.record_hint("softmax", 1)
    (workspace.inner / "workspace.toml").write_text(damage)
    with pytest.raises(UnravelError, match="unravel init"):
        Workspace.find(workspace.path)
    mended = Workspace.create(workspace.path, course)
    assert mine.read_text() == before
    assert (mended.settings.learner, mended.store.progress()["softmax"].hints) == ("ann", 1)


def test_a_damaged_list_of_deliveries_says_the_way_out_and_it_works(workspace, course):
    solve(workspace.file(course.lesson("tensors")))
    workspace.delivered_file.write_text("{")
    with pytest.raises(UnravelError, match="Delete it"):
        workspace.update(course)
    workspace.delivered_file.unlink()
    fates = [change.fate for change in workspace.update(course).changes]
    assert fates == [Fate.KEPT, Fate.SAME]


def test_init_keeps_files_that_are_there(tmp_path, course):
    there = tmp_path / "mine" / "ch00_basics" / "tokens.py"
    there.parent.mkdir(parents=True)
    there.write_text("# my notes\n")
    Workspace.create(tmp_path / "mine", course)
    assert there.read_text() == "# my notes\n"


def test_an_update_replaces_only_what_was_not_touched(workspace, remake, sources):
    changed = {
        name: text.replace('Example: "a b"', "Words.").replace("[0] becomes", "[5] becomes")
        for name, text in sources.items()
    }
    changed["extra"] = (
        "def extra() -> int:\n    '''One.'''\n    ### BEGIN SOLUTION\n    return 1\n    ### END SOLUTION\n"
    )
    mine = workspace.path / "ch00_basics" / "tensors.py"
    solve(mine)
    before = mine.read_text()
    report = workspace.update(remake(changed))
    assert {change.lesson: change.fate.value for change in report.changes} == {
        "tensors": "kept",
        "tokens": "replaced",
        "extra": "added",
    }
    assert mine.read_text() == before
    assert "Words." in (workspace.path / "ch00_basics" / "tokens.py").read_text()
    (kept,) = report.of(Fate.KEPT)
    assert (kept.new, kept.changed) == ((), ("softmax",))
    assert "[5] becomes" in kept.offer.read_text()
    again = workspace.update(remake(changed))
    assert [change.offer for change in again.changes] == [None] * 3
    assert [change.fate.value for change in again.changes] == ["kept", "same", "same"]


def test_a_new_exercise_in_a_kept_file_is_named(workspace, remake, sources):
    solve(workspace.path / "ch00_basics" / "tokens.py")
    count = "def count() -> int:\n    '''One.'''\n    ### BEGIN SOLUTION\n    return 1\n    ### END SOLUTION\n"
    more = sources["tokens"] + "\n\n" + count
    (kept,) = workspace.update(remake({**sources, "tokens": more})).of(Fate.KEPT)
    assert (kept.new, kept.changed) == (("count",), ())


def test_a_deleted_file_comes_back(workspace, course):
    path = workspace.file(course.lesson("tokens"))
    path.unlink()
    assert [change.fate.value for change in workspace.update(course).changes] == ["same", "restored"]
    assert path.exists()


def test_line_ends_are_no_change_of_the_learner(workspace, remake, sources):
    path = workspace.path / "ch00_basics" / "tokens.py"
    path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    changed = {**sources, "tokens": sources["tokens"].replace("Example", "Case")}
    assert [change.fate.value for change in workspace.update(remake(changed)).changes] == ["same", "replaced"]


def test_a_file_that_is_not_text_is_kept(workspace, course):
    path = workspace.file(course.lesson("tokens"))
    path.write_bytes(b"\xff\xfe\x00")
    workspace.update(course)
    assert path.read_bytes() == b"\xff\xfe\x00"


def test_one_exercise_is_reset_and_the_others_stay(workspace, course):
    path = workspace.file(course.lesson("tensors"))
    delivered = path.read_text()
    solve(path, "return 'first'")
    solve(path, "LAYERS = 4")
    solved = path.read_text()
    report = workspace.reset(course, "softmax")
    assert report.backup.read_text() == solved
    assert path.read_text() == solved.replace("return 'first'", "raise NotImplementedError()")
    workspace.reset(course, "LAYERS")
    assert path.read_text() == delivered


def test_a_reset_opens_the_exercise_again_and_keeps_its_points(workspace, course, report, result):
    names = ("softmax", "LAYERS", "Bag")
    workspace.store.record_report(report(*map(result, names)))
    assert next_exercise(workspace, course).exercise.id == "split"
    workspace.reset(course, "softmax")
    stand = workspace.store.progress()["softmax"]
    assert (stand.status, stand.ever_passed, stand.points, stand.attempts) == ("not started", True, 3, 1)
    assert next_exercise(workspace, course).exercise.id == "softmax"
    workspace.reset(course, "tensors")
    assert [workspace.store.progress()[name].passed for name in names] == [False] * 3


def test_a_reset_of_what_was_never_tried_leaves_no_record(workspace, course):
    workspace.reset(course, "tensors")
    assert workspace.store.attempts() == []


def test_a_reset_that_can_not_be_recorded_is_done_and_says_so(workspace, course):
    path = workspace.file(course.lesson("tensors"))
    delivered = path.read_text()
    solve(path)
    (workspace.inner / "progress.db").write_text("My cat walked over the keyboard. " * 500)
    done = workspace.reset(course, "softmax")
    assert "could not be recorded" in done.note
    assert path.read_text() == delivered


def test_a_reset_says_when_the_stub_was_appended(workspace, course):
    path = workspace.file(course.lesson("tensors"))
    assert not workspace.reset(course, "softmax").appended
    assert not workspace.reset(course, "LAYERS").appended
    path.write_text(path.read_text().replace("def softmax(", "def soft_max("))
    assert workspace.reset(course, "softmax").appended
    assert path.read_text().count("def soft") == 2


def test_a_lesson_is_reset_after_a_backup(workspace, course):
    path = workspace.file(course.lesson("tensors"))
    delivered = path.read_text()
    path.write_bytes(b"def broken(\xff")
    report = workspace.reset(course, "tensors")
    assert report.backup.read_bytes() == b"def broken(\xff"
    assert path.read_text() == delivered
    path.unlink()
    assert workspace.reset(course, "softmax").backup is None
    assert path.read_text() == delivered


def test_one_exercise_of_a_file_with_a_syntax_error_is_not_reset(workspace, course):
    path = workspace.file(course.lesson("tensors"))
    path.write_text("def softmax(:\n")
    with pytest.raises(UnravelError, match=r"tensors\.py:1: .*unravel reset tensors"):
        workspace.reset(course, "softmax")
    assert path.read_text() == "def softmax(:\n"


def test_line_ends_survive_the_reset_of_an_exercise(workspace, course):
    path = workspace.file(course.lesson("tensors"))
    path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    workspace.reset(course, "softmax")
    assert path.read_bytes().count(b"\n") == path.read_bytes().count(b"\r\n")


def test_a_chapter_is_not_reset(workspace, course):
    with pytest.raises(UnravelError, match="tensors, tokens"):
        workspace.reset(course, "ch00_basics")


def test_a_full_disk_changes_nothing(workspace, course, monkeypatch):
    path = workspace.file(course.lesson("tensors"))
    solve(path)
    files = _content(workspace.path)

    def full(_handle):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(UnravelError, match=r"disk is full.*nothing was changed"):
        workspace.reset(course, "softmax")
    assert _content(workspace.path) == files


@pytest.mark.parametrize("step", range(6))
def test_an_update_cut_off_anywhere_is_finished_by_the_next(workspace, remake, sources, monkeypatch, step):
    """Cutting off at each rename covers every state that a kill can leave: between renames nothing shows."""
    mine = workspace.path / "ch00_basics" / "tensors.py"
    solve(mine)
    before = mine.read_text()
    changed = remake({name: text.replace("Example", "Case") for name, text in sources.items()})
    real, calls = os.replace, iter(range(100))

    def cut_off(source, target):
        if next(calls) == step:
            raise KeyboardInterrupt
        real(source, target)

    monkeypatch.setattr(os, "replace", cut_off)
    try:
        workspace.update(changed)
    except KeyboardInterrupt:
        assert step < 3
    monkeypatch.setattr(os, "replace", real)
    workspace.update(changed)
    assert mine.read_text() == before
    assert "Case" in (workspace.path / "ch00_basics" / "tokens.py").read_text()
    assert "Case" in (workspace.inner / "new" / "ch00_basics" / "tensors.py").read_text()
    assert not list(workspace.path.rglob("*.part"))
    assert set(json.loads(workspace.delivered_file.read_text())["files"]) == {
        "ch00_basics/tensors.py",
        "ch00_basics/tokens.py",
    }


def test_a_folder_that_may_not_be_written_is_said(tmp_path, course):
    (tmp_path / "file").write_text("")
    with pytest.raises(UnravelError, match="written"):
        Workspace.create(tmp_path / "file" / "inside", course)


def test_an_init_that_was_cut_off_can_be_run_again(tmp_path, course, monkeypatch):
    monkeypatch.setattr("unravel.workspace.workspace.write_settings", _interrupt)
    with pytest.raises(KeyboardInterrupt):
        Workspace.create(tmp_path / "mine", course, "ann")
    monkeypatch.undo()
    made = Workspace.create(tmp_path / "mine", course, "ann")
    assert [change.fate.value for change in made.update(course).changes] == ["same", "same"]
    shutil.rmtree(made.path)


def _interrupt(*_):
    raise KeyboardInterrupt


def _content(folder):
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
