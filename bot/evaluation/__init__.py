"""How good the answers are: frozen questions with the expected answers, counted per language."""

__all__: list[str] = []
