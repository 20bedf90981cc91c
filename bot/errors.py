"""Errors of the bot. Each says whose fault it is and what to do about it.

FrontdeskError
├── ClientError            the caller sent something wrong (HTTP 4xx)
│   ├── BadRequest         not to be understood: JSON, types, unknown fields
│   ├── BadText            empty, too long or unreadable message text
│   ├── NotFound           there is no such conversation, intent or action
│   ├── NotAcceptable      the wanted format is not offered
│   ├── Unauthorized       no valid token
│   ├── Forged             a webhook whose signature is wrong, missing or too old
│   ├── TooLarge           the body is over the limit
│   └── TooMany            one visitor or address sends too much (HTTP 429)
├── ConfigError            a setting is wrong; said at start
├── KnowledgeError         a file in knowledge/ is broken; names file and line
└── DependencyError        something we need does not work now (HTTP 503)
    ├── StoreError         the database refused
    ├── ModelError         a model is missing, broken or too slow
    ├── VendorError        a channel's vendor does not answer
    ├── ActionError        a custom action could not be run
    ├── Busy               the queue before a model is full
    └── NotReady           the first model is still being made
"""

from __future__ import annotations


class FrontdeskError(Exception):
    """Something went wrong."""

    hint = ""

    def __init__(self, message: str = "", *, hint: str = "") -> None:
        super().__init__(message or (type(self).__doc__ or "").strip())
        self.hint = hint or type(self).hint

    def __str__(self) -> str:
        message = super().__str__()
        return f"{message} {self.hint}".strip()


class ClientError(FrontdeskError):
    """The request cannot be accepted."""


class BadRequest(ClientError):
    """The request could not be understood."""


class BadText(ClientError):
    """The message text cannot be accepted."""


class NotFound(ClientError):
    """There is no such thing."""


class NotAcceptable(ClientError):
    """The wanted format is not offered."""


class Unauthorized(ClientError):
    """No valid token was sent."""

    hint = "Open a session with POST /v1/sessions and send its token as 'Authorization: Bearer'."


class Forged(ClientError):
    """The signature is missing, wrong or too old."""


class TooLarge(ClientError):
    """The request body is too large."""


class TooMany(ClientError):
    """Too many requests.

    Attributes:
        retry_after_s: when there is room again, in whole seconds.
    """

    hint = "Try again later."

    def __init__(self, message: str = "", *, retry_after_s: int = 1) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class ConfigError(FrontdeskError):
    """A setting is wrong."""


class KnowledgeError(FrontdeskError):
    """A knowledge file is broken.

    Attributes:
        path: the file, relative to the project folder.
        line: 1-based line, 0 when the whole file is meant.
    """

    def __init__(self, message: str, *, path: str, line: int = 0, hint: str = "") -> None:
        where = f"{path}:{line}" if line else path
        super().__init__(f"{where}: {message}", hint=hint)
        self.path = path
        self.line = line


class DependencyError(FrontdeskError):
    """Something that Frontdesk needs does not work at the moment."""


class StoreError(DependencyError):
    """The database refused.

    Attributes:
        is_lasting: whether nothing may be written any more before a restart.
    """

    is_lasting = False


class ModelError(DependencyError):
    """A model is missing, broken or too slow."""


class VendorError(DependencyError):
    """A channel's vendor does not answer."""


class ActionError(DependencyError):
    """A custom action could not be run."""


class Busy(DependencyError):
    """Too many messages are waiting."""

    hint = "Try again in a second."


class NotReady(DependencyError):
    """Frontdesk is getting ready."""

    hint = "Try again in some seconds; GET /readyz tells how far it is."
