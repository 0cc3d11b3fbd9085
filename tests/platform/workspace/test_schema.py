"""Old databases are migrated, newer ones refused; models, migrations and the list of revisions agree."""

import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

from unravel.errors import UnravelError
from unravel.workspace import schema
from unravel.workspace.models import Base
from unravel.workspace.store import Store


def test_the_list_of_revisions_is_that_of_the_scripts():
    config = Config()
    config.set_main_option("script_location", str(Path(schema.__file__).parent / "migrations"))
    scripts = ScriptDirectory.from_config(config)
    assert tuple(script.revision for script in scripts.walk_revisions())[::-1] == schema.REVISIONS


def test_the_migrations_make_what_the_models_describe(store):
    store.prepare()
    with store._database._engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), Base.metadata) == []


def test_a_newer_database_is_refused_and_left_alone(store):
    store.record_hint("softmax", 1)
    path = store._database.path
    _set_version(path, "9999")
    before = path.read_bytes()
    with pytest.raises(UnravelError, match=r"newer version of Unravel.*9999.*Upgrade"):
        Store(path, "ann").progress()
    assert path.read_bytes() == before


def test_an_older_database_is_migrated(store, monkeypatch):
    """The next revision is played by the first: an empty version is older than it."""
    path = store._database.path
    sqlite3.connect(path).execute("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL)").connection.close()
    store.record_hint("softmax", 1)
    assert store.progress()["softmax"].hints == 1


def test_a_migration_that_is_cut_off_leaves_nothing(store, monkeypatch):
    from unravel.workspace import engine

    def cut_off(connection, _cursor, statement, *_rest):
        if "CREATE VIEW" in statement:
            raise KeyboardInterrupt

    from sqlalchemy import event

    made = engine.sqlite_engine(store._database.path, 1.0)
    event.listen(made, "before_cursor_execute", cut_off)
    with pytest.raises(KeyboardInterrupt):
        schema.migrate(made)
    with sqlite3.connect(store._database.path) as plain:
        assert plain.execute("SELECT name FROM sqlite_master").fetchall() == []
    assert store.progress() == {}


def test_a_database_that_is_current_needs_neither_alembic_nor_sqlalchemy(store):
    store.record_hint("softmax", 1)
    code = (
        "import sys; from pathlib import Path; from unravel.workspace.store import Store;"
        f"store = Store(Path({str(store._database.path)!r}), 'ann'); store.record_hint('softmax', 2);"
        "assert store.progress()['softmax'].hints == 2;"
        "print(sorted(name for name in ('sqlalchemy', 'alembic', 'torch') if name in sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def _set_version(path: Path, version: str) -> None:
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE alembic_version SET version_num = ?", (version,))
    connection.close()
