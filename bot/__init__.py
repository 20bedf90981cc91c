"""Frontdesk: the customer-service bot. Import what you need from its modules."""

__all__: list[str] = []
