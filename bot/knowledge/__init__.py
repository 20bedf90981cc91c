"""The company's knowledge: what the bot may say and by which rules, read from the project folder."""

__all__: list[str] = []
