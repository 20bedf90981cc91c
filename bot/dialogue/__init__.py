"""Dialogue as Rasa 3.6 means it: trackers, policies, forms, actions."""
