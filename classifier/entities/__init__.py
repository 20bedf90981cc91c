"""Entities: the named pieces of a message, such as an order number, a city or a date."""

__all__: list[str] = []
