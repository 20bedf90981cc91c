"""Past answers and the candidates found among them. Standard library only."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

MAX_QUERY = 2_000  # characters of a query that are looked at


@dataclass(frozen=True, slots=True, kw_only=True)
class PastAnswer:
    """One approved answer in one language. `id` and `lang` together are unique."""

    id: str
    lang: str
    """"en" or "zh"."""
    intent: str
    questions: tuple[str, ...]
    """Phrasings that this answer answers; the first one names it on a button."""
    text: str
    channel: str | None = None
    """Only for this channel; None means every channel."""
    audience: str | None = None
    """Only for these people (staff, a customer group); None means everybody."""
    valid_from: datetime | None = None
    """Aware UTC; first instant at which it may be said."""
    valid_until: datetime | None = None
    """Aware UTC; last instant at which it may be said."""
    enabled: bool = True
    source: str = ""
    """File and line, for people."""

    @property
    def title(self) -> str:
        """The short question that stands for this answer on a button."""
        return self.questions[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """An answer found for a query."""

    answer: PastAnswer
    score: float
    """Evidence in log-odds that it answers the query; higher is better, and the softmax over the
    candidates of one query is the probability that each is the right one, if one is."""
    cosine: float
    """Best cosine of the query to one of the answer's texts, -1 to 1."""
    matched: str
    """The text of the answer that gave `cosine`: a question phrasing or the answer itself."""
    parts: dict[str, float] = field(default_factory=dict)
    """The parts of the score by name, for the reasons."""
    probability: float = 0.0
    """Calibrated probability, 0 to 1, that it answers the query, by retrieval alone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """What is looked for, and who asks."""

    text: str
    language: str
    channel: str
    now: datetime
    """Aware; answers must be valid at this instant."""
    audience: str = ""
    """Group of the one who asks; empty: answers for everybody only."""
    min_revision: int = 0
    """The knowledge that is searched must be at least this new; 0 takes what is there."""
    k: int = 25

    @property
    def shown(self) -> str:
        """What is looked at of the text."""
        return self.text[:MAX_QUERY]

    @property
    def warning(self) -> str:
        """What people should know about the search; empty if all of the text is looked at."""
        if len(self.text) <= MAX_QUERY:
            return ""
        whole = len(self.text)
        return f"the question has {whole} characters; the first {MAX_QUERY} were searched for"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """A question, and the answer that its sentences are wanted of."""

    question: str
    answer: PastAnswer


@dataclass(frozen=True, slots=True, kw_only=True)
class Excerpt:
    """What an answer says to a question, in its own words."""

    text: str
    sentences: tuple[str, ...]
    cosine: float
    """Of the best sentence to the question, -1 to 1."""
