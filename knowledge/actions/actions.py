"""The actions of the demo shop: tell, register, change, and mend what was said wrong."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from rasa_sdk import Action, Tracker
from rasa_sdk.events import SlotSet
from rasa_sdk.executor import CollectingDispatcher

from .forms import ValidateAddressForm, ValidateOrderStatusForm, ValidateReturnForm, verified
from .shop import SHOP, Order, Status

__all__ = [
    "ValidateAddressForm",
    "ValidateOrderStatusForm",
    "ValidateReturnForm",
]
Events = list[dict[str, Any]]
DRAFT = ("return_reason", "return_confirmed", "new_address", "address_confirmed", "email_tries")


def say(
    dispatcher: CollectingDispatcher, response: str, order: Order, tracker: Tracker, **more: str
) -> None:
    """A response about `order`, in the visitor's language."""
    dispatcher.utter_message(
        response=response,
        number=order.number,
        item=order.item(tracker.get_slot("language") or "en"),
        day=order.since.isoformat(),
        **more,
    )


def finished(flow: str, outcome: str) -> Events:
    """The flow is over: its draft is forgotten; order and e-mail too where nothing was proven."""
    forgotten = [*DRAFT, *(("order_number", "email") if outcome == "not_verified" else ())]
    ended = [SlotSet("last_flow", flow), SlotSet("outcome", outcome)]
    return [*ended, *(SlotSet(name, None) for name in forgotten)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """What became of a visitor's wish."""

    outcome: str
    """Ends the name of the response, and is kept in the slot of that name."""
    words: dict[str, str] = field(default_factory=dict)
    """For the response, beside number, item and day."""


class OrderFlow:
    """How all three flows end: with whose order it is checked once more, and a response.

    A form may be filled in other ways than by asking.
    """

    flow = ""
    response = ""
    """Begins the names of the responses."""

    def settle(self, order: Order, tracker: Tracker) -> Settled:
        """Do it."""
        raise NotImplementedError

    async def run(
        self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: dict[str, Any]
    ) -> Events:
        """Tell whom it belongs to what became of it."""
        order = verified(tracker.slots)
        if order is None:
            dispatcher.utter_message(response="utter_not_verified")
            return finished(self.flow, "not_verified")
        settled = self.settle(order, tracker)
        say(dispatcher, f"{self.response}_{settled.outcome}", order, tracker, **settled.words)
        return finished(self.flow, settled.outcome)


class TellOrderStatus(OrderFlow, Action):
    """Says where an order is."""

    flow, response = "order_status", "utter_status"

    def name(self) -> str:
        """As in domain.yml."""
        return "action_tell_order_status"

    def settle(self, order: Order, tracker: Tracker) -> Settled:
        """Where it is."""
        return Settled(outcome=order.status.value)


class RegisterReturn(OrderFlow, Action):
    """Registers a return, or says why it cannot."""

    flow, response = "return", "utter_return"

    def name(self) -> str:
        """As in domain.yml."""
        return "action_register_return"

    def settle(self, order: Order, tracker: Tracker) -> Settled:
        """What becomes of it, and the number of the return if there is one."""
        outcome, made = self._registered(order, tracker)
        return Settled(outcome=outcome, words={"return_number": made})

    def _registered(self, order: Order, tracker: Tracker) -> tuple[str, str]:
        known = SHOP.return_of(order.number)
        if known:
            return "known", known
        if not order.may_be_returned(datetime.now(UTC).date()):
            return "too_late" if order.status is Status.DELIVERED else "not_possible", ""
        if tracker.get_slot("return_confirmed") is not True:
            return "dropped", ""
        reason = str(tracker.get_slot("return_reason") or "")
        return "registered", SHOP.register_return(order.number, reason)


class ChangeAddress(OrderFlow, Action):
    """Sends an order elsewhere, or says why it cannot."""

    flow, response = "address", "utter_address"

    def name(self) -> str:
        """As in domain.yml."""
        return "action_change_address"

    def settle(self, order: Order, tracker: Tracker) -> Settled:
        """What becomes of it."""
        address = str(tracker.get_slot("new_address") or "")
        outcome = self._changed(order, address, tracker)
        return Settled(outcome=outcome, words={"address": address})

    def _changed(self, order: Order, address: str, tracker: Tracker) -> str:
        if order.status is not Status.PROCESSING:
            return "too_late"
        if tracker.get_slot("address_confirmed") is not True or not address:
            return "dropped"
        return "changed" if SHOP.change_address(order.number, address) else "too_late"


class CorrectDetails(Action):
    """Mends what was said wrong: "no, the other order". Takes the other one if that is clear."""

    def name(self) -> str:
        """As in domain.yml."""
        return "action_correct_details"

    async def run(
        self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: dict[str, Any]
    ) -> Events:
        """The address or the e-mail where that was named, else the order."""
        said = {e["entity"] for e in tracker.latest_message.get("entities") or ()}
        text = (tracker.latest_message.get("text") or "").lower()
        if said & {"order_number", "email", "address"}:
            return []  # the form has taken over what was given
        if "mail" in text or "邮箱" in text or "郵箱" in text:
            return [SlotSet("email", None)]
        if "address" in text or "地址" in text:
            return [SlotSet("new_address", None), SlotSet("address_confirmed", None)]
        return self._other_order(dispatcher, tracker)

    def _other_order(self, dispatcher: CollectingDispatcher, tracker: Tracker) -> Events:
        order = verified(tracker.slots)
        others = [o for o in SHOP.orders_of(order.email) if o != order] if order else []
        if len(others) == 1:
            dispatcher.utter_message(response="utter_other_order", number=others[0].number)
            return [SlotSet("order_number", others[0].number)]
        if others:
            numbers = ", ".join(o.number for o in others)
            dispatcher.utter_message(response="utter_your_orders", numbers=numbers)
        return [SlotSet("order_number", None)]


class ForgetDraft(Action):
    """What was half filled in is gone."""

    def name(self) -> str:
        """As in domain.yml."""
        return "action_forget_draft"

    async def run(
        self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: dict[str, Any]
    ) -> Events:
        """Forget all but who the visitor is and which order it was."""
        return [SlotSet(name, None) for name in DRAFT]
