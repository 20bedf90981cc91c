"""The intent classifier: text in, calibrated ranking of intents out."""

__all__: list[str] = []
