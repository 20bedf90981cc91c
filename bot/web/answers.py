"""The answers database over HTTP: write with a receipt, and search what is at least that new."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import orjson
from aiohttp import web

from bot import errors, text
from bot.domain import Language
from bot.web import schemas
from bot.web.conversations import guarded
from bot.web.keys import LIVE
from retrieval import errors as retrieval_errors
from retrieval.candidate import Candidate, PastAnswer, Query
from retrieval.readers import rows
from retrieval.readers.rows import RawRow


@guarded
async def put_answers(request: web.Request) -> web.Response:
    """Add or change answers, all of them or none; served when this is answered."""
    body = await schemas.read(request, schemas.Answers)
    found = [_answer(row, place) for place, row in enumerate(body.answers, start=1)]
    keys = [(answer.id, answer.lang) for answer in found]
    for place, key in enumerate(keys, start=1):
        if key in keys[: place - 1]:
            raise errors.BadRequest(
                f"answer {place}, field 'id': {key[0]!r} in {key[1]!r} stands there twice.",
                hint="Give it another id or leave one of the two out.",
            )
    receipt = await request.app[LIVE].put_answers(found, body.origin)
    return _json({"revision": receipt.revision, "added": receipt.added,
                  "changed": receipt.changed, "unchanged": receipt.unchanged})  # fmt: skip


@guarded
async def remove_answer(request: web.Request) -> web.Response:
    """Delete an answer in all languages; served no more when this is answered."""
    receipt = await request.app[LIVE].remove_answer(request.match_info["id"])
    if not receipt.removed:
        raise errors.NotFound(
            f"There is no answer {request.match_info['id']!r}.", hint="Ids are case-sensitive."
        )
    return _json({"revision": receipt.revision, "removed": receipt.removed})


@guarded
async def search_answers(request: web.Request) -> web.Response:
    """Find answers to a question; with `min_revision` never in an older version than that."""
    body = await schemas.read(request, schemas.AnswerSearch)
    language = body.language or text.language_of(body.text, otherwise=Language.EN).value
    query = Query(
        text=body.text,
        language=language,
        channel=body.channel,
        audience=body.audience,
        now=datetime.now(UTC),
        min_revision=body.min_revision,
        k=body.count,
    )
    try:
        found = await request.app[LIVE].search(query)
    except retrieval_errors.StaleIndex as cause:
        raise errors.NotFound(f"No such revision: {cause}", hint=cause.hint) from cause
    warnings = [query.warning] if query.warning else []
    return _json({"candidates": [_shown(one) for one in found], "warnings": warnings})


def _answer(row: schemas.Answer, place: int) -> PastAnswer:
    cells = {
        name: value if isinstance(value, str) else str(value).lower()
        for name, value in row.model_dump(exclude={"questions"}, exclude_none=True).items()
    }
    cells["questions"] = " | ".join(question.replace("|", "/") for question in row.questions)
    try:
        return rows.answer_of(RawRow(place=f"answer {place}", line=place, cells=cells), "api")
    except retrieval_errors.CorpusError as cause:
        raise errors.BadRequest(str(cause), hint=cause.hint) from cause


def _shown(candidate: Candidate) -> dict[str, Any]:
    answer = candidate.answer
    return {
        "id": answer.id,
        "lang": answer.lang,
        "matched": candidate.matched,
        "text": answer.text,
        "probability": round(candidate.probability, 4),
        "parts": {name: round(value, 4) for name, value in candidate.parts.items()},
        "source": answer.source,
    }


def _json(body: dict[str, Any]) -> web.Response:
    return web.Response(
        body=orjson.dumps(body),
        content_type="application/json",
        headers={"Cache-Control": "no-store"},
    )
