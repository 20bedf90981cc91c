"""Retrieval: sentence encoders, the vector index and the candidates that it finds."""

__all__: list[str] = []
