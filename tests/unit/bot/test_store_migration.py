"""Opening databases: new, ours, newer, foreign."""

from __future__ import annotations

import contextlib
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic import autogenerate, config, script
from alembic.runtime.migration import MigrationContext

import bot.store
from bot import errors
from bot.ports import Store
from bot.store import migration, schema

ROOT = Path(__file__).parents[3]


def opened(path: Path) -> Store:
    return bot.store.open_store(f"sqlite:///{path}")


def change(path: Path, statement: str) -> None:
    connection = sqlite3.connect(path)
    with connection:
        connection.execute(statement)
    connection.close()


def test_importing_the_store_loads_no_database_library() -> None:
    code = "import bot.store, sys; print({'sqlalchemy', 'alembic', 'sqlite3'} & set(sys.modules))"
    found = subprocess.run(  # noqa: S603 - a constant
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert found.stdout.strip() == "set()"


async def test_revisions_make_the_schema_that_the_code_uses(tmp_path: Path) -> None:
    await opened(tmp_path / "new.db").close()
    engine = sa.create_engine(f"sqlite:///{tmp_path / 'new.db'}", poolclass=sa.NullPool)
    with engine.connect() as connection:
        context = MigrationContext.configure(
            connection, opts={"version_table": schema.revision.name, "compare_type": True}
        )
        assert autogenerate.compare_metadata(context, schema.metadata) == []
        assert migration.check(connection) == schema.HEAD


def test_head_is_the_last_revision() -> None:
    settings = config.Config()
    settings.set_main_option("script_location", str(ROOT / "bot" / "store" / "migrations"))
    revisions = [
        one.revision for one in script.ScriptDirectory.from_config(settings).walk_revisions()
    ]
    assert revisions[0] == schema.HEAD
    assert revisions == sorted(revisions, reverse=True)


def dump(path: Path) -> list[str]:
    with contextlib.closing(sqlite3.connect(path)) as connection:
        return list(connection.iterdump())


async def test_opening_again_changes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "100% ours.db"
    await opened(path).close()
    before = dump(path)
    await opened(path).close()
    assert dump(path) == before


async def test_newer_database_is_refused_untouched(tmp_path: Path) -> None:
    path = tmp_path / "newer.db"
    await opened(path).close()
    change(path, "UPDATE frontdesk_revision SET version_num = '0999'")
    before = path.read_bytes()
    with pytest.raises(errors.StoreError, match="has schema 0999, this Frontdesk knows up to") as e:
        opened(path)
    assert "Install the newer Frontdesk again" in e.value.hint
    assert path.read_bytes() == before


def test_foreign_database_is_refused_untouched(tmp_path: Path) -> None:
    path = tmp_path / "foreign.db"
    change(path, "CREATE TABLE alembic_version (version_num TEXT)")
    before = path.read_bytes()
    with pytest.raises(errors.StoreError, match=r"not made by Frontdesk.*'alembic_version'"):
        opened(path)
    assert path.read_bytes() == before
    assert [item.name for item in tmp_path.iterdir()] == ["foreign.db"]


def test_text_file_is_refused_untouched(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("Dear diary, " * 1000)
    with pytest.raises(
        errors.StoreError, match=r"notes\.txt' cannot be opened: file is not a"
    ) as e:
        opened(path)
    assert "name another file" in e.value.hint
    assert isinstance(e.value.__cause__, Exception)
    assert path.read_text() == "Dear diary, " * 1000


def test_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(errors.StoreError, match="unable to open database file") as e:
        opened(tmp_path / "nowhere" / "store.db")
    assert "folder exists" in e.value.hint


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///:memory:"])
def test_memory_is_refused(url: str) -> None:
    with pytest.raises(errors.ConfigError, match="forgets all conversations"):
        bot.store.open_store(url)


def test_unknown_kind_is_refused_without_its_password() -> None:
    with pytest.raises(errors.ConfigError, match="'oracle'") as e:
        bot.store.open_store("oracle://me:secret@db/x")
    assert "secret" not in str(e.value)
