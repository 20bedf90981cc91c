"""A thread that owns one database connection: jobs go in, futures come out.

The writing thread takes all jobs that wait, runs them in one transaction and commits once, so that
many clients share the disk's slow "it is safe now".
"""

from __future__ import annotations

import contextlib
import logging
import queue
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from typing import Any, TypeVar

import sqlalchemy as sa

from bot import errors

T = TypeVar("T")
Job = Callable[[sa.Connection], T]
Task = tuple[Job[Any], "Future[Any]"]
Way = Callable[[sa.Connection, list[Task]], None]
"""How a batch is run; it must settle the future of each task."""

MAX_BATCH = 256
"""Jobs in one transaction: bounds how long the first one waits for its commit."""

_log = logging.getLogger(__name__)


class DatabaseThread:
    """Runs jobs on its own connection, one batch after the other, in the order they came."""

    def __init__(
        self, name: str, connection: sa.Connection, way: Way, *, max_waiting: int = 2000
    ) -> None:
        self._connection = connection
        self._way = way
        self._waiting: queue.Queue[Task | None] = queue.Queue(max_waiting)
        self._stopped = False
        self._order = threading.Lock()  # nothing is queued behind the None that ends the thread
        # A daemon: a program that forgets to close still ends; the database survives kill -9 too.
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def submit(self, job: Job[T]) -> Future[T]:
        """Queue `job` without waiting.

        Raises:
            errors.Busy: too many jobs wait already.
            errors.StoreError: the thread was stopped.
        """
        future: Future[T] = Future()
        with self._order:
            if self._stopped:
                raise errors.StoreError("The store is closed.", hint="Start Frontdesk again.")
            try:
                self._waiting.put_nowait((job, future))
            except queue.Full as error:
                raise errors.Busy("Too many requests wait for the database.") from error
        return future

    def stop(self) -> None:
        """Finish what is queued and close the connection. Blocks; a second call does nothing."""
        with self._order:
            first, self._stopped = not self._stopped, True
        if first:
            self._waiting.put(None)
        self._thread.join()

    def _run(self) -> None:
        goes_on = True
        while goes_on:
            batch, goes_on = self._take()
            self._settle([task for task in batch if task[1].set_running_or_notify_cancel()])
        self._connection.close()

    def _take(self) -> tuple[list[Task], bool]:
        """All tasks that wait, at least one, and whether more may come."""
        batch: list[Task] = []
        task = self._waiting.get()
        while task is not None:
            batch.append(task)
            if len(batch) == MAX_BATCH:
                return batch, True
            try:
                task = self._waiting.get_nowait()
            except queue.Empty:
                return batch, True
        return batch, False

    def _settle(self, batch: list[Task]) -> None:
        if not batch:
            return
        try:
            self._way(self._connection, batch)
        except Exception as error:  # whatever happens, nobody waits for ever
            _log.debug("a batch of %d failed", len(batch), exc_info=True)
            for _, future in batch:
                if not future.done():
                    future.set_exception(error)


def one_by_one(connection: sa.Connection, batch: list[Task]) -> None:
    """Run each task in a transaction of its own: for reading."""
    for job, future in batch:
        try:
            with _transaction(connection):
                result = job(connection)
        except Exception as error:
            future.set_exception(error)
        else:
            future.set_result(result)


def together(connection: sa.Connection, batch: list[Task]) -> None:
    """Run the tasks in one transaction, each in a savepoint; tell all after the one commit.

    A job that fails leaves no trace and disturbs no other. A commit that fails, fails them all.
    """
    with _transaction(connection):
        tells = [_attempt(connection, task) for task in batch]
    for tell in tells:
        tell()


@contextlib.contextmanager
def _transaction(connection: sa.Connection) -> Iterator[None]:
    try:
        with connection.begin():
            yield
    except BaseException:
        # SQLAlchemy takes a failed commit for the end; the driver still is in the transaction.
        if not connection.invalidated:  # then the next transaction gets a new connection
            connection.connection.rollback()
        raise


def _attempt(connection: sa.Connection, task: Task) -> Callable[[], None]:
    """Run one task; what comes back tells its future, to be called after the commit."""
    job, future = task
    savepoint = connection.begin_nested()
    try:
        result = job(connection)
        savepoint.commit()
    except Exception as error:
        failure = error
        try:
            savepoint.rollback()
        except sa.exc.SQLAlchemyError:  # a full disk undoes the whole transaction by itself
            raise failure from None
        if connection.invalidated:  # and so does a server that has gone
            raise failure from None
        return lambda: future.set_exception(failure)
    return lambda: future.set_result(result)
