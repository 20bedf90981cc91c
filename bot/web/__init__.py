"""The gateway: HTTP in front of the engine."""

__all__: list[str] = []
