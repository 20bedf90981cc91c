"""Errors of the classifier.

ClassifierError
├── DatasetError     training data that cannot be used; names file and line
├── ArtifactError    a model folder that is missing, incomplete or changed
└── TrainingError    training could not be finished
"""

from __future__ import annotations


class ClassifierError(Exception):
    """The classifier cannot do what was asked."""

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(f"{message} {hint}".strip())
        self.hint = hint


class DatasetError(ClassifierError):
    """Training data that cannot be used.

    Attributes:
        path: the file; empty when the data set as a whole is meant.
        line: 1-based line, 0 when unknown.
    """

    def __init__(self, message: str, *, path: str = "", line: int = 0, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.path = path
        self.line = line


class ArtifactError(ClassifierError):
    """A model folder that is missing, incomplete or changed."""


class TrainingError(ClassifierError):
    """Training could not be finished."""
