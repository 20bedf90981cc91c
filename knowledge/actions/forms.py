"""Checks of the three forms: what a visitor gives is accepted only if the shop knows it."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any

from rasa_sdk import Tracker
from rasa_sdk.executor import CollectingDispatcher
from rasa_sdk.forms import FormValidationAction

from . import saying
from .shop import SHOP, Order, Status

Slots = dict[str, Any]
PROOF = ["order_number", "email"]
MAX_EMAIL_TRIES = 3
MAX_REASON = 500  # characters
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")


def verified(slots: Slots) -> Order | None:
    """The order that the slots name, if the e-mail address proves that it is the visitor's."""
    order = SHOP.order(str(slots.get("order_number") or ""))
    return order if order and order.belongs_to(str(slots.get("email") or "")) else None


def gave_up(slots: Slots) -> bool:
    """Whether too many wrong e-mail addresses were tried."""
    return int(slots.get("email_tries") or 0) >= MAX_EMAIL_TRIES


def heard(tracker: Tracker) -> str | None:
    """What was said, if it may be the answer to what the form asked."""
    message = tracker.latest_message
    intent = (message.get("intent") or {}).get("name")
    text = (message.get("text") or "").strip()
    asked = tracker.get_slot("requested_slot")
    if not asked or not text or text.startswith("/") or saying.steers(text, intent):
        return None
    return None if saying.is_question(text) else text


def heard_for(tracker: Tracker, slot: str, *entities: str) -> str | None:
    """What was said when the form asked for `slot`; None if it names one of `entities`."""
    if tracker.get_slot("requested_slot") != slot:
        return None
    if any(found["entity"] in entities for found in tracker.latest_message["entities"]):
        return None
    return heard(tracker)


class OrderChecks:
    """What all three forms check: the order, and that it is the visitor's."""

    def is_possible(self, order: Order) -> bool:
        """Whether the shop can still do it."""
        return True

    async def required_slots(
        self,
        domain_slots: list[str],
        dispatcher: CollectingDispatcher,
        tracker: Tracker,
        domain: dict[str, Any],
    ) -> list[str]:
        """Nothing more once too many addresses were wrong; no details of what cannot be done."""
        if gave_up(tracker.slots):
            return []
        order = verified(tracker.slots)
        return domain_slots if order is None or self.is_possible(order) else PROOF

    def extract_order_number(
        self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: dict[str, Any]
    ) -> Slots:
        """Whatever looks like a number where one was asked for, right or wrong."""
        text = heard_for(tracker, "order_number", "order_number")
        if text is None or "@" in text:
            return {}
        number = saying.number_in(text)
        return {"order_number": number} if number else {}

    def extract_email(
        self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: dict[str, Any]
    ) -> Slots:
        """Whatever has an @ where an address was asked for, right or wrong."""
        text = heard_for(tracker, "email", "email")
        return {"email": text} if text and "@" in text else {}

    def validate_order_number(
        self,
        value: object,
        dispatcher: CollectingDispatcher,
        tracker: Tracker,
        domain: dict[str, Any],
    ) -> Slots:
        """The number as the shop writes it, if there is such an order."""
        said = str(value[-1] if isinstance(value, list) else value)
        number = saying.order_number(said)
        if number is None:
            dispatcher.utter_message(response="utter_order_number_format", said=said)
            return {"order_number": None}
        order = SHOP.order(number)
        if order is None:
            dispatcher.utter_message(response="utter_order_unknown", said=number)
            return {"order_number": None}
        email = tracker.get_slot("email")
        if email and _EMAIL.fullmatch(email) and not order.belongs_to(email):
            return {"order_number": number, "email": None}
        return {"order_number": number}

    def validate_email(
        self,
        value: object,
        dispatcher: CollectingDispatcher,
        tracker: Tracker,
        domain: dict[str, Any],
    ) -> Slots:
        """The address, if the order was placed with it."""
        email = str(value).strip().lower()
        if not _EMAIL.fullmatch(email):
            dispatcher.utter_message(response="utter_email_format")
            return {"email": None}
        order = SHOP.order(saying.order_number(str(tracker.get_slot("order_number"))) or "")
        if order is None or order.belongs_to(email):
            return {"email": email}
        tries = int(tracker.get_slot("email_tries") or 0) + 1
        if tries < MAX_EMAIL_TRIES:
            dispatcher.utter_message(response="utter_email_wrong", said=order.number)
        return {"email": None, "email_tries": tries}


class ValidateOrderStatusForm(OrderChecks, FormValidationAction):
    """Order status: the order, and whose it is."""

    def name(self) -> str:
        """As in domain.yml."""
        return "validate_order_status_form"


class ValidateReturnForm(OrderChecks, FormValidationAction):
    """A return: the order, whose it is, why, and a last question."""

    def name(self) -> str:
        """As in domain.yml."""
        return "validate_return_form"

    def is_possible(self, order: Order) -> bool:
        """Whether it can be returned."""
        in_time = order.may_be_returned(datetime.now(UTC).date())
        return in_time and not SHOP.return_of(order.number)

    def extract_return_reason(
        self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: dict[str, Any]
    ) -> Slots:
        """Any words but a question, where the reason was asked for."""
        text = heard_for(tracker, "return_reason", *PROOF)
        return {"return_reason": text[:MAX_REASON]} if text else {}


class ValidateAddressForm(OrderChecks, FormValidationAction):
    """A new address: the order, whose it is, where to, and a last question."""

    def name(self) -> str:
        """As in domain.yml."""
        return "validate_address_form"

    def is_possible(self, order: Order) -> bool:
        """Whether it is still in the warehouse."""
        return order.status is Status.PROCESSING

    def extract_new_address(
        self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: dict[str, Any]
    ) -> Slots:
        """Any words but a question, where the address was asked for; elsewhere a clear one."""
        message = tracker.latest_message
        asked, text = tracker.get_slot("requested_slot"), message.get("text") or ""
        found = [e["value"] for e in message["entities"] if e["entity"] == "address"]
        if asked != "new_address":
            if saying.is_street(text):
                return {"new_address": found[-1] if found else text}
            return {}
        intent = (message.get("intent") or {}).get("name")
        said = text if intent == "update_address" else heard(tracker)
        if said is None or "@" in said:
            return {}
        return {"new_address": said}

    def validate_new_address(
        self,
        value: object,
        dispatcher: CollectingDispatcher,
        tracker: Tracker,
        domain: dict[str, Any],
    ) -> Slots:
        """The address, if it names a place."""
        address = saying.address_in(str(value)[:MAX_REASON])
        if address is None:
            dispatcher.utter_message(response="utter_address_format")
        return {"new_address": address}
