"""What can go wrong in retrieval.

RetrievalError
├── EncoderChoiceError    the setting names nothing that could be an encoder
├── EncoderUnavailable    the weights are missing or cannot be converted
├── ArtifactError         a model file on disk is not what was written there
├── TooLittleDisk         the models folder cannot take the converted encoder
├── StaleIndex            a search asked for newer knowledge than there is
└── CorpusError           an answers file is broken; names file and line
"""


class RetrievalError(Exception):
    """Retrieval failed."""

    def __init__(self, message: str = "", *, hint: str = "") -> None:
        """Keep the one-line message and what the operator can do about it.

        Args:
            message: What happened; the class docstring if empty.
            hint: The remedy, addressed to the operator.
        """
        super().__init__(message or (type(self).__doc__ or "").strip())
        self.hint = hint


class EncoderChoiceError(RetrievalError):
    """The `encoder` setting names nothing that could be an encoder."""


class EncoderUnavailable(RetrievalError):
    """The encoder's weights are missing or cannot be converted."""


class ArtifactError(RetrievalError):
    """A model file on disk is damaged, missing or of the wrong kind."""


class TooLittleDisk(RetrievalError):
    """There is too little disk space for the converted encoder."""


class StaleIndex(RetrievalError):
    """A search asked for newer knowledge than there is."""


class CorpusError(RetrievalError):
    """An answers file is broken.

    Attributes:
        path: The file, relative to the project folder.
        line: 1-based line, 0 when the whole file is meant.
    """

    def __init__(self, message: str, *, path: str, line: int = 0, hint: str = "") -> None:
        """Keep the place of the fault apart from its description."""
        super().__init__(message, hint=hint)
        self.path = path
        self.line = line


class TrainingError(RetrievalError):
    """An encoder cannot be trained on what was given."""
