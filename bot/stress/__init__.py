"""The gateway under stress: a server that only echoes, a vendor with a ledger, and what they do."""

__all__: list[str] = []
