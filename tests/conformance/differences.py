"""Where Frontdesk deliberately does otherwise than Rasa 3.6, each with its decision record.

Every other deterministic turn of the traces must be equal.
"""

from __future__ import annotations

REPLACED_UNDERSTANDING = (
    "Texts that are no examples were classified by Rasa's small models. The replay takes their "
    "recorded intents (docs/decisions/0019), so that what follows is compared all the same."
)
HIDDEN_KEYS = {"cancel_reminder": ("name", "intent", "entities")}
"""Rasa's own tracker does not show these keys of an event; ours does."""
