"""Training of the classifier for a project: the work, its place on disk, and its supervision."""

__all__: list[str] = []
