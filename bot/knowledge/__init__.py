"""The company's knowledge: what the bot may say and by which rules, read from its folder."""

__all__: list[str] = []
