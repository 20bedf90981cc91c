"""Names that Rasa reserves: actions, intents, slots."""

from __future__ import annotations

LISTEN = "action_listen"
RESTART = "action_restart"
SESSION_START = "action_session_start"
DEFAULT_FALLBACK = "action_default_fallback"
DEACTIVATE_LOOP = "action_deactivate_loop"
REVERT_FALLBACK = "action_revert_fallback_events"
ASK_AFFIRMATION = "action_default_ask_affirmation"
ASK_REPHRASE = "action_default_ask_rephrase"
TWO_STAGE_FALLBACK = "action_two_stage_fallback"
UNLIKELY_INTENT = "action_unlikely_intent"
BACK = "action_back"
SNIPPET = "..."
"""Stands in rules for whatever was said before."""
EXTRACT_SLOTS = "action_extract_slots"
VALIDATE_SLOT_MAPPINGS = "action_validate_slot_mappings"
HANDOFF = "action_handoff"
"""Ours: a person is asked to take over."""

DEFAULT_ACTIONS = (
    LISTEN,
    RESTART,
    SESSION_START,
    DEFAULT_FALLBACK,
    DEACTIVATE_LOOP,
    REVERT_FALLBACK,
    ASK_AFFIRMATION,
    ASK_REPHRASE,
    TWO_STAGE_FALLBACK,
    UNLIKELY_INTENT,
    BACK,
    SNIPPET,
    EXTRACT_SLOTS,
    HANDOFF,
)
"""In Rasa's order, which decides between actions of equal score."""

OUT_OF_SCOPE = "out_of_scope"
NLU_FALLBACK = "nlu_fallback"
DEFAULT_INTENTS = ("restart", "back", OUT_OF_SCOPE, "session_start", NLU_FALLBACK)
INTENT_ACTIONS = {"restart": RESTART, "back": BACK, "session_start": SESSION_START}
"""What RulePolicy does about these intents without any rule."""

REQUESTED_SLOT = "requested_slot"
SESSION_METADATA = "session_started_metadata"
KNOWLEDGE_BASE_ACTION = "action_query_knowledge_base"
KNOWLEDGE_BASE_SLOTS = (
    "knowledge_base_listed_objects",
    "knowledge_base_last_object",
    "knowledge_base_last_object_type",
)
DEFAULT_SLOTS = frozenset({REQUESTED_SLOT, SESSION_METADATA, *KNOWLEDGE_BASE_SLOTS})

NOT_SET = "should_not_be_set"
"""In rules: this slot or loop must be empty, which is more than saying nothing of it."""
UTTER = "utter_"
UTTER_DEFAULT = "utter_default"
EXTERNAL = "EXTERNAL: "
"""Starts the text of a message that no person wrote (reminder, trigger_intent)."""
