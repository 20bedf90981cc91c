"""The demo shop: invented customers and orders in SQLite, in memory unless a file is named.

The environment variable SHOP_DATABASE names a file; without it the shop starts afresh each time.
"""

from __future__ import annotations

import csv
import hmac
import os
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from pathlib import Path

HERE = Path(__file__).parent
RETURN_DAYS = 30  # as answers/returns.csv promises
_TABLES = """
CREATE TABLE customers (
    id TEXT PRIMARY KEY, name TEXT NOT NULL, email TEXT NOT NULL UNIQUE, address TEXT NOT NULL
);
CREATE TABLE orders (
    number TEXT PRIMARY KEY, customer TEXT NOT NULL REFERENCES customers (id),
    status TEXT NOT NULL, since TEXT NOT NULL, item_en TEXT NOT NULL, item_zh TEXT NOT NULL,
    price TEXT NOT NULL, address TEXT NOT NULL
);
CREATE TABLE returns (
    id INTEGER PRIMARY KEY, order_number TEXT NOT NULL UNIQUE REFERENCES orders (number),
    reason TEXT NOT NULL, registered_at TEXT NOT NULL
);
"""


_ORDERS = (
    "SELECT o.number, c.email, o.status, o.since, o.item_en, o.item_zh, o.price, o.address"
    " FROM orders o JOIN customers c ON c.id = o.customer"
)
_BY_NUMBER = f"{_ORDERS} WHERE o.number = ?"
_BY_EMAIL = f"{_ORDERS} WHERE c.email = ? ORDER BY o.number"


class Status(StrEnum):
    """Where an order is."""

    PROCESSING = "processing"
    SHIPPED = "shipped"
    DELIVERED = "delivered"
    CANCELLED = "cancelled"
    RETURNED = "returned"


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """An order and whose it is."""

    number: str
    email: str
    status: Status
    since: date
    """The day on which it got this status."""
    item_en: str
    item_zh: str
    price: str
    """In euros."""
    address: str

    def item(self, language: str) -> str:
        """What was ordered."""
        return self.item_zh if language == "zh" else self.item_en

    def belongs_to(self, email: str) -> bool:
        """Whether it was placed with that e-mail address."""
        given = email.strip().lower().encode()
        return hmac.compare_digest(given, self.email.lower().encode())

    def may_be_returned(self, today: date) -> bool:
        """Whether it was delivered, and not too long ago."""
        fresh = today - self.since <= timedelta(days=RETURN_DAYS)
        return self.status is Status.DELIVERED and fresh


class Shop:
    """Reads and changes orders. Each call is one short transaction."""

    def __init__(self, path: str = ":memory:") -> None:
        """Open the shop in the SQLite file `path`, with its demo orders when it is new."""
        self._db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self._db.execute("PRAGMA foreign_keys = ON")
        if not self._db.execute("SELECT 1 FROM sqlite_master WHERE name = 'orders'").fetchone():
            self._fill()

    def order(self, number: str) -> Order | None:
        """The order of that number."""
        return next(self._orders(_BY_NUMBER, number), None)

    def orders_of(self, email: str) -> list[Order]:
        """All orders of the customer with that e-mail address, by number."""
        return list(self._orders(_BY_EMAIL, email.strip().lower()))

    def register_return(self, number: str, reason: str) -> str:
        """Note the return of an order, once; its number, the same when asked again."""
        self._db.execute(
            "INSERT INTO returns (order_number, reason, registered_at) VALUES (?, ?, ?)"
            " ON CONFLICT (order_number) DO NOTHING",
            (number, reason, datetime.now(UTC).isoformat(timespec="seconds")),
        )
        query = "SELECT id FROM returns WHERE order_number = ?"
        (found,) = self._db.execute(query, (number,)).fetchone()
        return f"RT{found:06}"

    def return_of(self, number: str) -> str | None:
        """The number of the return of that order, if one is registered."""
        query = "SELECT id FROM returns WHERE order_number = ?"
        row = self._db.execute(query, (number,)).fetchone()
        return f"RT{row[0]:06}" if row else None

    def change_address(self, number: str, address: str) -> bool:
        """Send an order elsewhere; False when it has left the warehouse already."""
        changed = self._db.execute(
            "UPDATE orders SET address = ? WHERE number = ? AND status = ?",
            (address, number, Status.PROCESSING.value),
        )
        return changed.rowcount == 1

    def _orders(self, query: str, value: str) -> Iterator[Order]:
        rows = self._db.execute(query, (value,)).fetchall()
        for number, email, status, since, item_en, item_zh, price, address in rows:
            yield Order(
                number=number,
                email=email,
                status=Status(status),
                since=date.fromisoformat(since),
                item_en=item_en,
                item_zh=item_zh,
                price=price,
                address=address,
            )

    def _fill(self) -> None:
        today = datetime.now(UTC).date()
        self._db.executescript(_TABLES)
        self._db.execute("BEGIN")
        for row in _rows("customers.csv"):
            self._db.execute("INSERT INTO customers VALUES (:id, :name, :email, :address)", row)
        for row in _rows("orders.csv"):
            since = today - timedelta(days=int(row["days_ago"]))
            self._db.execute(
                "INSERT INTO orders SELECT :number, id, :status, :since, :item_en, :item_zh,"
                " :price, address FROM customers WHERE id = :customer",
                {**row, "since": since.isoformat()},
            )
        self._db.execute("COMMIT")


def _rows(name: str) -> Iterator[dict[str, str]]:
    with (HERE / name).open(encoding="utf-8", newline="") as file:
        yield from csv.DictReader(file)


SHOP = Shop(os.environ.get("SHOP_DATABASE") or ":memory:")
