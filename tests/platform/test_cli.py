"""Every command on the miniature course: what it prints, its exit code, and that it answers at once."""

import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from unravel import __version__, cli, serve
from unravel.errors import UnravelError
from unravel.lazy import Commands
from unravel.workspace.workspace import Workspace

TINY = Path(__file__).parent / "tiny_course"
FAST = ("--help", "list", "status", "next", "hint")
SECONDS = 0.5


@pytest.fixture
def run(monkeypatch, tmp_path):
    """Runs a command in the workspace `mine`, once it is there."""
    monkeypatch.setenv("UNRAVEL_COURSE", str(TINY))
    monkeypatch.delenv("UNRAVEL_WORKSPACE", raising=False)
    monkeypatch.chdir(tmp_path)

    def call(*words: str) -> click.testing.Result:
        if (tmp_path / "mine").exists():
            monkeypatch.chdir(tmp_path / "mine")
        return CliRunner().invoke(cli.main, words, catch_exceptions=False)

    return call


@pytest.fixture
def mine(run) -> Workspace:
    assert run("init", "mine", "--learner", "ann").exit_code == 0
    return Workspace.find(Path("mine"))


def passed(workspace: Workspace, *names: str) -> None:
    results = [{"id": n, "status": "passed", "points": 1, "max_points": 1, "duration": 0.1} for n in names]
    head = {"seed": 1, "tier": "full", "official": True, "sha256": ""}
    workspace.store.record_report({**head, "exercises": results})


def test_init_says_where_to_go(run):
    done = run("init", "mine", "--learner", "ann")
    assert "2 lessons, 5 exercises, learner ann" in done.output
    assert "unravel next" in done.output
    assert "unravel serve" in done.output
    again = run("init", ".")
    assert (again.exit_code, again.stdout) == (2, "")
    assert "already is a workspace" in again.stderr


def test_a_fault_is_one_paragraph_and_exit_code_2(run):
    for words in (["next"], ["status"], ["hint"], ["update"], ["reset", "double"], ["solution", "double"]):
        done = run(*words)
        assert (done.exit_code, done.stdout) == (2, "")
        assert "unravel init" in done.stderr
        assert done.stderr.count("\n") == 1


def test_next_names_the_file_and_the_line(run, mine):
    assert "write it in   ch00_tiny/basics.py:15" in run("next").output.replace("\\", "/")
    passed(mine, "double", "mean_square", "ANSWER", "Scale", "count_up")
    assert "every exercise" in run("next").output


def test_next_says_where_to_read(run, mine, monkeypatch):
    monkeypatch.setattr(serve, "find_spec", lambda name: object())
    assert "read it       unravel serve" in run("next").output
    monkeypatch.setattr(serve, "find_spec", lambda name: None)
    said = run("next").output
    assert "chapters/ch00_tiny/basics.md" in said.replace("\\", "/")
    assert "unravel serve" not in said


def test_next_knows_a_name_that_is_gone_and_a_file_that_is_gone(run, mine):
    basics, more = mine.path / "ch00_tiny" / "basics.py", mine.path / "ch00_tiny" / "more.py"
    basics.write_text(basics.read_text().replace("def double(", "def twice("))
    assert "`unravel reset double` adds its stub" in run("next").output
    assert "stub now stands at the end" in run("reset", "double").output
    assert "Missing" not in run("next").output
    more.unlink()
    said = run("next").output
    assert "write it in" in said
    assert "Missing: ch00_tiny/more.py. `unravel update`" in said.replace("\\", "/")
    basics.unlink()
    assert "is missing" in run("next").stderr


def test_after_a_reset_every_command_says_that_it_is_open(run, mine):
    passed(mine, "double", "mean_square")
    assert "✓ double" in run("list").output
    assert "ANSWER" in run("next").output
    run("reset", "double")
    assert run("next").output.startswith("double")
    listed = run("list").output
    assert "✓ double" not in listed
    assert "✗ double" not in listed
    assert "1/5 done" in run("status").output
    assert "2/9 points  (best so far)" in run("status").output


def test_points_are_called_best_only_when_something_broke(run, mine):
    passed(mine, "double")
    assert "best so far" not in run("status").output


def test_giving_up_is_confirmed_once_and_marked(run, mine):
    assert "not solved double" in run("solution").stderr
    first = run("solution", "--give-up")
    assert "return 2 * x" in first.stdout
    assert "Recorded: you gave up on double" in first.stderr
    assert run("solution", "double", "--give-up").stderr == ""
    assert "you have seen the solution" in run("next").output


def test_hints_climb_the_ladder(run, mine):
    said = [run("hint", "double").output for _ in range(3)]
    assert "double, hint 1 of 2" in said[0]
    assert "One more" in said[0]
    assert "last hint" in said[1]
    assert "no further hint" in said[2]
    assert mine.store.progress()["double"].hints == 2


def test_the_solution_must_be_earned_or_given_up_for(run, mine):
    refused = run("solution", "double")
    assert (refused.exit_code, "return 2 * x" in refused.output) == (2, False)
    assert "return 2 * x" in run("solution", "double", "--give-up").output
    passed(mine, "count_up")
    assert run("solution", "count_up").exit_code == 0


def test_status_and_list_show_what_is_done(run, mine):
    passed(mine, "double")
    assert "1/5 done" in run("status").output
    assert "✓ double" in run("list").output
    mine.store.record_report(
        {
            "seed": 1,
            "tier": "full",
            "official": True,
            "sha256": "",
            "exercises": [{"id": "double", "status": "failed", "points": 0, "max_points": 1, "duration": 0.1}],
        }
    )
    assert "no longer: double" in run("status").output
    assert "✗ double" in run("list").output


def test_list_needs_no_workspace(run):
    done = run("list")
    assert done.exit_code == 0
    assert "mean_square" in done.output


def test_reset_and_update_say_what_they_did(run, mine):
    file = mine.path / "ch00_tiny" / "basics.py"
    file.write_text(file.read_text().replace("raise NotImplementedError()", "return 2 * x", 1))
    done = run("reset", "double")
    assert "double is as it was delivered" in done.output
    assert "backups" in done.output
    file.unlink()
    assert "delivered again: basics" in run("update").output
    assert "up to date" in run("update").output


def test_an_update_says_which_exercises_changed(run, mine, monkeypatch, tmp_path):
    import shutil

    shutil.copytree(TINY, tmp_path / "newer")
    solution = tmp_path / "newer" / "solutions" / "ch00_tiny" / "basics.py"
    solution.write_text(solution.read_text().replace("Each number, twice as large.", "Twice each number."))
    file = mine.path / "ch00_tiny" / "basics.py"
    file.write_text(file.read_text() + "# mine\n")
    run("status")
    monkeypatch.setenv("UNRAVEL_COURSE", str(tmp_path / "newer"))
    said = run("update").output
    assert "changed: double" in said
    assert ".unravel/new/ch00_tiny/basics.py" in said.replace("\\", "/")
    assert file.read_text().endswith("# mine\n")


def test_check_and_watch_hand_over_and_return_the_exit_code(run, monkeypatch):
    called = []
    client = type(sys)("client")
    client.run_check = lambda *given: called.append(given) or 1
    client.watch = lambda *given: called.append(given) or 0
    monkeypatch.setitem(sys.modules, "unravel.grading.client", client)
    monkeypatch.setitem(sys.modules, "unravel.grading.watch", client)
    assert run("check", "double", "--seed", "7", "--json").exit_code == 1
    assert run("watch").exit_code == 0
    assert called == [("double", None, 7, True, False), (None,)]
    assert run("check", "--file", "nowhere.py").exit_code == 2


def test_a_check_of_the_tiny_course_records_the_attempt(run, mine, monkeypatch):
    monkeypatch.setenv("UNRAVEL_DAEMON", "0")
    file = mine.path / "ch00_tiny" / "basics.py"
    file.write_text(file.read_text().replace("raise NotImplementedError()", "return 2 * x", 1))
    command = [sys.executable, "-m", "unravel.cli", "check", "double"]
    done = subprocess.run(command, cwd=mine.path, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("✓ double  1 point")
    assert mine.store.progress()["double"].passed


def test_commands_elsewhere_load_only_when_they_are_called():
    group = Commands("demo", elsewhere={"far": ("nowhere.at.all:far", "Far away.")})
    helped = CliRunner().invoke(group, ["--help"])
    assert "far  Far away." in helped.output
    with pytest.raises(ModuleNotFoundError):
        CliRunner().invoke(group, ["far"], catch_exceptions=False)


def test_a_fault_in_a_command_elsewhere_is_a_paragraph_too():
    group = Commands("demo")

    @group.command()
    def broken() -> None:
        raise UnravelError("It is broken.", fix="Mend it.")

    done = CliRunner().invoke(group, ["broken"])
    assert (done.exit_code, done.stderr) == (2, "✗ It is broken. Mend it.\n")


def test_the_app_listens_on_this_machine_only_and_tells_nobody(run, mine, monkeypatch):
    seen = {}

    def fake(command, *, env, check):
        seen.update(command=command, workspace=env["UNRAVEL_WORKSPACE"])
        return subprocess.CompletedProcess(command, 0)

    monkeypatch.setattr(serve.subprocess, "run", fake)
    monkeypatch.setattr(serve, "find_spec", lambda name: object())
    assert run("serve", "--port", "48123", "--no-browser").exit_code == 0
    assert seen["workspace"] == str(mine.path)
    assert {"--server.address=127.0.0.1", "--server.port=48123", "--browser.gatherUsageStats=false"} <= set(
        seen["command"]
    )
    monkeypatch.setattr(serve, "find_spec", lambda name: None)
    assert "pip install" in run("serve", "--port", "48123").stderr


@pytest.mark.parametrize("address", ["0.0.0.0", "192.0.2.7", "::", "classroom.example"])
def test_who_opens_the_app_to_others_is_warned(run, mine, monkeypatch, address):
    seen = []

    def fake(command, *, env, check):
        seen.extend(command)
        return subprocess.CompletedProcess(command, 0)

    monkeypatch.setattr(serve.subprocess, "run", fake)
    monkeypatch.setattr(serve, "find_spec", lambda name: object())
    monkeypatch.setattr(serve, "_check_free", lambda address, port: None)
    done = run("serve", "--port", "48123", "--no-browser", "--address", address)
    assert f"--server.address={address}" in seen
    assert "WARNING" in done.stderr
    assert "run code as you" in done.stderr
    assert "WARNING" not in run("serve", "--port", "48123", "--no-browser").stderr
    assert "WARNING" not in run("serve", "--port", "48123", "--no-browser", "--address", "::1").stderr


@pytest.mark.parametrize("address", ["192.0.2.7", "no such name"])
def test_an_address_that_is_not_ours_is_said(run, mine, monkeypatch, address):
    monkeypatch.setattr(serve, "find_spec", lambda name: object())
    done = run("serve", "--port", "48123", "--no-browser", "--address", address)
    assert done.exit_code == 2
    assert "no address" in done.stderr


def test_a_port_in_use_is_said(run, mine):
    import socket

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        done = run("serve", "--port", str(taken.getsockname()[1]))
    assert done.exit_code == 2
    assert "--port" in done.stderr


def test_the_version_is_told(run):
    assert run("--version").output == f"unravel, version {__version__}\n"


@pytest.mark.parametrize("command", FAST)
def test_it_answers_at_once(run, mine, command):
    """Processor time, not the clock: it does not depend on what else the machine is doing."""
    import resource

    def once() -> float:
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        done = subprocess.run(
            [sys.executable, "-m", "unravel.cli", command], cwd=mine.path, capture_output=True, check=False
        )
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        assert done.returncode == 0, done.stderr
        return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime

    assert min(once() for _ in range(3)) < SECONDS


@pytest.mark.parametrize("command", FAST)
def test_it_loads_nothing_heavy(run, mine, command):
    heavy = ("torch", "sqlalchemy", "alembic", "numpy", "streamlit", "nbformat")
    code = (
        "import sys, atexit; atexit.register(lambda: print([n for n in HEAVY if n in sys.modules], file=sys.stderr));"
        "from unravel.cli import main; main(['COMMAND'])"
    )
    code = code.replace("HEAVY", repr(heavy)).replace("COMMAND", command)
    done = subprocess.run([sys.executable, "-c", code], cwd=mine.path, capture_output=True, text=True, check=False)
    assert done.stderr == "[]\n"
