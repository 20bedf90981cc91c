"""From a channel's message to the sent reply: journal, answering in order, outbox, sending."""

__all__: list[str] = []
