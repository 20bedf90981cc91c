"""The answers database: the truth about what may be said, with a revision for every write.

The project's CSV files are synced into it and imports are added to it; indexes are made from it and
follow it by `changes_since`. A deleted answer leaves its key behind, so that followers learn of it.
"""

from __future__ import annotations

import contextlib
import hashlib
import threading
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson
import sqlalchemy as sa

from bot import errors
from bot.store import answers_sqlite, dialect
from retrieval.candidate import PastAnswer
from retrieval.corpus import LANGUAGES

FORMAT = 1  # of the tables; a newer one is refused
AT_ONCE = 500  # ids in one question to the database
FILE_NAME = "answers.db"
"""Its name in the data folder."""
PROJECT = "project"
"""The origin of answers from the project's own files."""

READS_FILE: dict[str, Any] = {"reading": True}
READS_SERVER: dict[str, Any] = {"isolation_level": "REPEATABLE READ"}

_tables = sa.MetaData()
_about = sa.Table(
    "answers_about",
    _tables,
    sa.Column("one", sa.Integer, primary_key=True),
    sa.Column("format", sa.Integer, nullable=False),
    sa.Column("revision", sa.Integer, nullable=False),
)
_answers = sa.Table(
    "answers",
    _tables,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("lang", sa.Text, primary_key=True),
    sa.Column("origin", sa.Text, nullable=False),
    sa.Column("digest", sa.Text, nullable=False),  # of the body; empty when deleted
    sa.Column("revision", sa.Integer, nullable=False, index=True),
    sa.Column("body", sa.LargeBinary),  # JSON; NULL when deleted
    sa.Index("answers_origin", "origin"),
    sa.Index("answers_lang", "lang"),
    sqlite_with_rowid=False,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """What a write did. A search that carries `min_revision=revision` sees it."""

    revision: int
    added: int = 0
    changed: int = 0
    unchanged: int = 0
    removed: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """What happened after a revision: whole entries, with all their languages."""

    revision: int
    """The revision that is reached with these changes."""
    entries: dict[str, tuple[PastAnswer, ...]]
    """All variants of each entry that changed; none when it is gone."""


class AnswerBook:
    """Reads and writes the answers database. Blocks; safe in several threads and processes."""

    def __init__(self, place: Path | str) -> None:
        """Open or make the database: a SQLite file, or tables in a PostgreSQL database.

        Args:
            place: path of the file, or URL of the PostgreSQL database, which servers may share.

        Raises:
            errors.StoreError: it cannot be opened, is of a newer version, or is something else.
        """
        self._lock = threading.Lock()
        shown = place if isinstance(place, Path) else sa.make_url(place).render_as_string()
        with _said_clearly(shown):
            self._engine = _open(place)
            is_file = isinstance(place, Path)
            self._readers = READS_FILE if is_file else READS_SERVER
            with self._writing() as connection:
                _tables.create_all(connection)
                for index in _answers.indexes:  # a database of an earlier version lacks some
                    index.create(connection, checkfirst=True)
                found = connection.execute(sa.select(_about.c.format)).scalar()
                if found is None:
                    connection.execute(_about.insert().values(one=1, format=FORMAT, revision=0))
        if found is not None and found > FORMAT:
            self.close()
            raise errors.StoreError(
                f"{shown} was written by a newer Frontdesk (format {found}).",
                hint="Install that version again, or restore a backup.",
            )

    def close(self) -> None:
        """Let go of the database."""
        self._engine.dispose()

    def revision(self) -> int:
        """The number of the last write, 0 for an empty database."""
        with self._reading() as connection:
            return int(connection.execute(sa.select(_about.c.revision)).scalar_one())

    def put(self, answers: Iterable[PastAnswer], *, origin: str, dry: bool = False) -> Receipt:
        """Add or change `answers`; those that are there already are left alone.

        Args:
            answers: each stands once.
            origin: where they come from; an answer of another origin is taken over.
            dry: only say what would happen.
        """
        return self._write(answers, origin=origin, whole=False, dry=dry)

    def sync(self, answers: Iterable[PastAnswer], *, origin: str, dry: bool = False) -> Receipt:
        """As `put`, and remove what else is of that origin."""
        return self._write(answers, origin=origin, whole=True, dry=dry)

    def remove(self, ids: Iterable[str]) -> Receipt:
        """Delete entries in all languages; ids that are unknown do nothing."""
        with self._writing() as connection:
            keys = list(_digests(connection, ids))
            if not keys:
                return Receipt(revision=_revision(connection))
            revision = _next(connection)
            _delete(connection, keys, revision)
        return Receipt(revision=revision, removed=len(keys))

    def changes_since(self, revision: int) -> Changes:
        """What was written after `revision`, 0 for everything."""
        with self._reading() as connection:
            reached = _revision(connection)
            table = _answers.alias()
            # Not distinct: SQLite would read the whole table in the order of the ids for that.
            changed = sa.select(table.c.id).where(table.c.revision > revision)
            rows = connection.execute(
                sa.select(_answers.c.id, _answers.c.body)
                .where(_answers.c.id.in_(changed))
                .order_by(_answers.c.id, _answers.c.lang)
            )
            entries: dict[str, tuple[PastAnswer, ...]] = {}
            for name, body in rows:
                variants = entries.get(name, ())
                entries[name] = variants if body is None else (*variants, _read(body))
        return Changes(revision=reached, entries=entries)

    def languages(self) -> frozenset[str]:
        """The languages that there are answers in; quick however many answers there are."""
        with self._reading() as connection:
            return frozenset(
                lang
                for lang in LANGUAGES
                if connection.execute(
                    sa.select(_answers.c.id)
                    .where((_answers.c.lang == lang) & (_answers.c.digest != ""))
                    .limit(1)
                ).first()
            )

    def answers(self) -> tuple[PastAnswer, ...]:
        """All answers."""
        entries = self.changes_since(0).entries
        return tuple(answer for variants in entries.values() for answer in variants)

    def _write(
        self, answers: Iterable[PastAnswer], *, origin: str, whole: bool, dry: bool
    ) -> Receipt:
        given = {(a.id, a.lang): _body(a) for a in answers}
        digests = {key: hashlib.sha256(body).hexdigest() for key, body in given.items()}
        with self._writing() as connection:
            there = _digests(connection, [id_ for id_, _ in given], origin if whole else None)
            added = [key for key in given if key not in there]
            changed = [k for k in given if k in there and there[k] != (digests[k], origin)]
            gone = [k for k, (_, o) in there.items() if o == origin and k not in given] * whole
            written = bool(added or changed or gone) and not dry
            revision = _next(connection) if written else _revision(connection)
            if written:
                rows = [
                    {"id": key[0], "lang": key[1], "origin": origin, "digest": digests[key],
                     "revision": revision, "body": given[key]}
                    for key in (*added, *changed)
                ]  # fmt: skip
                if rows:
                    _upsert(connection, rows)
                _delete(connection, gone, revision)
        return Receipt(
            revision=revision,
            added=len(added),
            changed=len(changed),
            unchanged=len(given) - len(added) - len(changed),
            removed=len(gone),
        )

    @contextlib.contextmanager
    def _writing(self) -> Iterator[sa.Connection]:
        """One transaction that is on the disk when the block ends; writers take turns."""
        with self._lock, _said_clearly(), self._engine.begin() as connection:
            dialect.lock_answers(connection)
            yield connection

    @contextlib.contextmanager
    def _reading(self) -> Iterator[sa.Connection]:
        """A consistent view; it does not wait for a writer."""
        with (
            _said_clearly(),
            self._engine.connect().execution_options(**self._readers) as connection,
            connection.begin(),
        ):
            yield connection


def _revision(connection: sa.Connection) -> int:
    return int(connection.execute(sa.select(_about.c.revision)).scalar_one())


def _next(connection: sa.Connection) -> int:
    connection.execute(_about.update().values(revision=_about.c.revision + 1))
    return _revision(connection)


def _digests(
    connection: sa.Connection, ids: Iterable[str], origin: str | None = None
) -> dict[tuple[str, str], tuple[str, str]]:
    """(id, lang) → (digest, origin) of the answers that are there: of `ids`, and of `origin`."""
    columns = (_answers.c.id, _answers.c.lang, _answers.c.digest, _answers.c.origin)
    there = sa.select(*columns).where(_answers.c.digest != "")
    names = list(dict.fromkeys(ids))
    rows = [
        row
        for start in range(0, len(names), AT_ONCE)
        for row in connection.execute(
            there.where(_answers.c.id.in_(names[start : start + AT_ONCE]))
        )
    ]
    if origin is not None:
        rows += connection.execute(there.where(_answers.c.origin == origin))
    return {(id_, lang): (digest, of) for id_, lang, digest, of in rows}


def _upsert(connection: sa.Connection, rows: Sequence[dict[str, Any]]) -> None:
    statement = dialect.insert(connection, _answers)
    fresh = {name: statement.excluded[name] for name in ("origin", "digest", "revision", "body")}
    connection.execute(
        statement.on_conflict_do_update(index_elements=["id", "lang"], set_=fresh), rows
    )


def _open(place: Path | str) -> sa.Engine:
    if isinstance(place, Path):
        place.parent.mkdir(parents=True, exist_ok=True)
        return answers_sqlite.engine(place)
    from bot.store import postgres

    return postgres.answers_engine(place)


def _delete(connection: sa.Connection, keys: Sequence[tuple[str, str]], revision: int) -> None:
    if keys:
        where = (_answers.c.id == sa.bindparam("key_id")) & (
            _answers.c.lang == sa.bindparam("key_lang")
        )
        connection.execute(
            _answers.update().where(where).values(digest="", body=None, revision=revision),
            [{"key_id": id_, "key_lang": lang} for id_, lang in keys],
        )


def _body(answer: PastAnswer) -> bytes:
    return orjson.dumps(
        {
            "id": answer.id, "lang": answer.lang, "intent": answer.intent,
            "questions": answer.questions, "text": answer.text, "channel": answer.channel,
            "audience": answer.audience, "valid_from": _moment(answer.valid_from),
            "valid_until": _moment(answer.valid_until), "enabled": answer.enabled,
            "source": answer.source,
        }
    )  # fmt: skip


def _read(body: bytes) -> PastAnswer:
    fields: dict[str, Any] = orjson.loads(body)
    for name in ("valid_from", "valid_until"):
        if fields[name]:
            fields[name] = datetime.fromisoformat(fields[name]).astimezone(UTC)
    fields["questions"] = tuple(fields["questions"])
    return PastAnswer(**fields)


def _moment(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment else None


@contextlib.contextmanager
def _said_clearly(path: Path | str = "") -> Iterator[None]:
    try:
        yield
    except (sa.exc.SQLAlchemyError, OSError) as cause:
        what = f"{path} cannot be used" if path else "The answers database refused"
        raise errors.StoreError(
            f"{what}: {getattr(cause, 'orig', None) or cause}.",
            hint="Check its permissions and the disk, or restore a backup.",
        ) from cause
