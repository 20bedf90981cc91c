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

ACCEPTED = {
    "whitespace_tokenizer_with_language_zh",
    "unknown_pipeline_component",
    "classifier_without_featurizer",
    "featurizer_without_tokenizer",
    "two_tokenizers",
    "nlu_one_intent",
}
"""Rasa cannot run such a pipeline; here none is needed (docs/decisions/0020)."""
REFUSED = {
    "slot_mapping_unknown_type",
    "slot_mapping_without_entity",
    "form_without_required_slots_key",
    "duplicate_intent",
    "action_listed_twice",
    "domain_version_9",
    "story_unknown_action",
    "story_utter_not_in_domain",
    "story_without_name",
}
"""Rasa ignores the whole domain, or fails later in a conversation (docs/decisions/0020)."""
