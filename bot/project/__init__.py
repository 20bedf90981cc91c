"""Reads a Rasa project folder into plain data, and says what in it is broken or not supported."""
