"""All settings: defaults < `frontdesk.toml` < `FRONTDESK_*` environment < command line.

This module is the only reader of the environment. Each setting has a default and a help text;
docs/configuration.md lists them all, and a test compares.
"""

from __future__ import annotations

import difflib
import os
from pathlib import Path
from typing import Any

import pydantic
from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_serializer
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    SettingsError,
    TomlConfigSettingsSource,
)

from bot import errors

TOML_FILE = "frontdesk.toml"
ENV_PREFIX = "FRONTDESK_"
FREE_SECTIONS = ("CHANNELS__", "EVENTS__")
TEST_CACHE = "TEST_CACHE"  # of the test suite, not a setting


class Section(BaseModel):
    """A group of settings; unknown names are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Server(Section):
    """Where and how the gateway listens."""

    host: str = Field("127.0.0.1", description="Address to listen on; 0.0.0.0 for all.")
    port: int = Field(8080, ge=0, le=65535, description="TCP port; 0 takes a free one.")
    allowed_origins: tuple[str, ...] = Field(
        (),
        description="Origins of other sites that embed the widget, exactly as a browser sends "
        "them, e.g. https://shop.example.",
    )
    public_url: str = Field(
        "",
        pattern=r"^(https?://[^/?#]+(/[^?#]*[^/?#])?)?$",
        description="How vendors reach this server from outside, e.g. https://chat.example.com; "
        "some sign it.",
    )
    trusted_proxies: int = Field(
        0,
        ge=0,
        le=5,
        description="How many reverse proxies of yours stand before the server: so many entries "
        "of X-Forwarded-For, from the right, are believed.",
    )
    session_days: int = Field(
        30, ge=1, le=365, description="How long a visitor's widget session stays valid, in days."
    )
    api_token: SecretStr = Field(
        SecretStr(""),
        description="Token of Rasa's HTTP API (trackers, domain, actions); without one the API "
        "answers only while the server listens on a loopback address.",
    )


class Models(Section):
    """Which models are used and how they are trained."""

    encoder: str = Field(
        "auto",
        description="auto, minilm-en, multilingual-e5, the path of a model folder, or a hub id. "
        "auto takes the multilingual one unless all knowledge is English.",
    )
    english_encoder: str = Field(
        "minilm-en",
        description="Second encoder, used for English answers only, beside a multilingual one; "
        "off for none.",
    )
    rerank: bool = Field(
        default=False,
        description="Let a trained reranker read the best candidates again; "
        "`frontdesk retrieval train --reranker` makes one.",
    )
    finetune: bool = Field(
        default=True,
        description="Fine-tune the classifier end to end in the background when its training "
        "data changed; off, the head on the frozen encoder serves.",
    )
    threads: int = Field(
        1, ge=1, le=64, description="Threads of each model; two models answer side by side."
    )
    holdout: float = Field(
        0.15, gt=0, le=0.5, description="Share of the examples set aside to compare models on."
    )


class Policy(Section):
    """When the bot answers, asks back, or declines. All are probabilities, 0 to 1."""

    risk: float | None = Field(
        None,
        ge=0.01,
        le=0.5,
        description="At most this share of automatic answers wrong. Replaces `answer` and `rule` "
        "by what the project's own questions prove; see docs/operating.md.",
    )
    answer: float = Field(
        0.80, ge=0, le=1, description="Answer when the best answer is right with this probability."
    )
    clarify: float = Field(
        0.06, ge=0, le=1, description="Ask back when it is at least this; decline below."
    )
    compose: float = Field(
        0.6, ge=0, le=1, description="When no single answer fits, compose a reply from several "
        "if each part of the question is answered right with this probability; 0 for never."
    )  # fmt: skip
    rule: float = Field(
        0.7, ge=0, le=1, description="Follow a rule when its intent is at least this probable."
    )
    offers: int = Field(3, ge=1, le=5, description="How many answers a clarification offers.")
    handoff_after: int = Field(
        3, ge=1, le=20, description="Offer a person after so many failures in a row."
    )


class Limits(Section):
    """What a single request or visitor may take up."""

    max_text_chars: int = Field(
        2000, ge=10, le=100_000, description="Longest message text, in characters."
    )
    max_body_bytes: int = Field(
        65_536, ge=1024, description="Largest request body, in bytes, after decompression."
    )
    max_waiting: int = Field(
        256, ge=1, description="Messages that may wait for a model; more are refused with 503."
    )
    model_deadline_s: float = Field(
        5.0, gt=0, le=120, description="After so many seconds without a model's word, a person "
        "is asked to take over."
    )  # fmt: skip
    max_backlog: int = Field(
        5000, ge=1, description="Stored messages that may wait for their answer; more are refused "
        "with 503."
    )  # fmt: skip
    max_wait_s: float = Field(
        5.0, gt=0, le=60, description="Callers who would have to wait longer than this are "
        "refused at once with 503."
    )  # fmt: skip
    answer_within_s: float = Field(
        30.0, gt=0, le=300, description="A caller gets 503 after so many seconds; the message is "
        "answered all the same."
    )  # fmt: skip
    visitor_per_minute: int = Field(
        240, ge=0, description="Messages of one visitor; more get 429. 0 for no limit."
    )
    address_per_minute: int = Field(
        1200, ge=0, description="Requests to /v1/ from one network address; more get 429. 0 for "
        "no limit."
    )  # fmt: skip
    channel_per_minute: int = Field(
        0, ge=0, description="Messages of one channel; more get 429. 0 for no limit."
    )
    max_webhook_bytes: int = Field(
        1_048_576, ge=1024, description="Largest body of a channel's webhook, in bytes, after "
        "decompression; vendors send batches."
    )  # fmt: skip
    send_attempts: int = Field(
        20, ge=1, le=100, description="How often a reply is offered to a vendor before it is a "
        "dead letter."
    )  # fmt: skip
    drain_s: float = Field(
        4.0, ge=0, le=120, description="At SIGTERM, how long running work may take to finish."
    )
    redis: SecretStr = Field(
        SecretStr(""),
        description="URL of a Redis that counts for the rate limits of several servers; empty: "
        "each counts for itself.",
    )


class Events(Section):
    """A receiver of outgoing events."""

    url: str = Field(description="Where events are posted.", pattern="^https?://")
    secrets: tuple[SecretStr, ...] = Field(
        description="whsec_... of Standard Webhooks; two while one replaces the other.",
        min_length=1,
    )
    types: tuple[str, ...] = Field(
        (),
        description="message.received, message.replied, conversation.handed_over; empty means all.",
    )


class Actions(Section):
    """Custom actions of a project with dialogue."""

    deadline_s: float = Field(
        10.0,
        gt=0,
        le=300,
        description="How long the custom actions of one turn may take together, in seconds.",
    )
    on_failure: str = Field(
        "apologise",
        pattern="^(apologise|ignore)$",
        description="What happens when an action fails: apologise and ask a person, or ignore it "
        "and go on, as Rasa does.",
    )
    run_beside: bool = Field(
        default=True,
        description="Run the project's actions/ folder in a process beside the bot when "
        "endpoints.yml names no action_endpoint, or one on this machine where nobody listens.",
    )


class Settings(BaseSettings):
    """Everything that can be set."""

    model_config = SettingsConfigDict(
        env_prefix=ENV_PREFIX,
        env_nested_delimiter="__",
        extra="forbid",
        frozen=True,
        toml_file=TOML_FILE,
    )

    project: Path = Field(
        Path("knowledge"),
        description="Folder with domain.yml, nlu/, rules.yml and answers/; or a Rasa project.",
    )
    data: Path = Field(
        Path("var"), description="Folder for the database, the models and the caches."
    )
    database: str = Field(
        "", description="SQLAlchemy URL; empty means frontdesk.db in the data folder."
    )
    log_level: str = Field(
        "info",
        pattern="^(debug|info|warning|error)$",
        description="debug, info, warning or error.",
    )
    log_format: str = Field(
        "text", pattern="^(text|json)$", description="text for people, json for machines."
    )
    otlp_endpoint: str = Field(
        "",
        pattern="^(https?://.+)?$",
        description="OpenTelemetry collector that gets traces, e.g. http://127.0.0.1:4318; empty: "
        "no traces.",
    )
    server: Server = Server()
    models: Models = Models()
    policy: Policy = Policy()
    limits: Limits = Limits()
    channels: dict[str, dict[str, Any]] = Field(
        {}, repr=False, description="Sections [channels.NAME]: see docs/channels/."
    )
    events: dict[str, Events] = Field(
        {}, description="Sections [events.NAME] with url, secrets and types: who is told of "
        "what happens; see docs/integrating.md."
    )  # fmt: skip
    actions: Actions = Actions()

    @field_serializer("channels")
    def _hide(self, sections: dict[str, dict[str, Any]]) -> dict[str, dict[str, str]]:
        """Which keys are secrets only their channels know, so no value is ever written out."""
        return {name: dict.fromkeys(section, "***") for name, section in sections.items()}

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Command line over environment over file."""
        return init_settings, env_settings, TomlConfigSettingsSource(settings_cls)

    @property
    def database_url(self) -> str:
        """Where conversations are kept."""
        return self.database or f"sqlite:///{self.data / 'frontdesk.db'}"


def load(**options: Any) -> Settings:
    """Settings with the command line's `options` on top; None values count as not given.

    Raises:
        errors.ConfigError: a value is wrong or a name unknown; says which and what to write.
    """
    given = {name: value for name, value in options.items() if value is not None}
    _check_environment()
    try:
        return Settings(**given)
    except pydantic.ValidationError as cause:
        raise errors.ConfigError(_explain(cause)) from cause
    except SettingsError as cause:
        raise errors.ConfigError(
            f"A variable {ENV_PREFIX}* is no list: {cause}.",
            hint="Write JSON, as FRONTDESK_SERVER__ALLOWED_ORIGINS='[\"https://shop.example\"]'.",
        ) from cause
    except ValueError as cause:
        raise errors.ConfigError(f"{TOML_FILE}: {cause}.", hint="Check its TOML syntax.") from cause


def _check_environment() -> None:
    """Refuse variables that pydantic-settings would pass over in silence."""
    known = [name.upper().replace(".", "__") for name in names()]
    sections = {name.rpartition("__")[0] for name in known}
    for variable in os.environ:
        prefix, name = variable.upper()[: len(ENV_PREFIX)], variable.upper()[len(ENV_PREFIX) :]
        if name.startswith(FREE_SECTIONS):  # their names are the operator's, checked later
            continue
        if prefix == ENV_PREFIX and name not in {*known, *sections, TEST_CACHE}:
            near = difflib.get_close_matches(name, known, n=1)
            hint = f"Did you mean {ENV_PREFIX}{near[0]}?" if near else "See docs/configuration.md."
            raise errors.ConfigError(f"Unknown environment variable {variable}.", hint=hint)


def environment() -> dict[str, str]:
    """For `${NAME}` in a Rasa project's files, and for sockets that systemd hands over."""
    return dict(os.environ)


def names() -> dict[str, pydantic.fields.FieldInfo]:
    """Every setting by its dotted name."""
    found: dict[str, pydantic.fields.FieldInfo] = {}
    for name, field in Settings.model_fields.items():
        if isinstance(field.annotation, type) and issubclass(field.annotation, Section):
            inner = field.annotation.model_fields
            found |= {f"{name}.{key}": value for key, value in inner.items()}
        else:
            found[name] = field
    return found


def _explain(cause: pydantic.ValidationError) -> str:
    first = cause.errors()[0]
    name = ".".join(str(part) for part in first["loc"])
    if first["type"] == "extra_forbidden":
        near = difflib.get_close_matches(name, names(), n=1)
        advice = f"did you mean {near[0]!r}?" if near else "see docs/configuration.md."
        return f"Unknown setting {name!r}: {advice}"
    known = names().get(name)
    advice = f" ({known.description})" if known else ""
    return f"Setting {name} = {first['input']!r}: {first['msg']}.{advice}"
