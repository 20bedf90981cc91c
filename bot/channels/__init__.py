"""Channels: one file each, between a vendor's webhook and Frontdesk's messages."""

__all__: list[str] = []
