"""The routes of the past answers; see docs/editing-knowledge.md."""

from __future__ import annotations

from bot.web import answers, schemas, shapes
from bot.web.route import Access, Route

ANSWERS_API = (
    Route(
        method="PUT",
        path="/v1/answers",
        handler=answers.put_answers,
        access=Access.API,
        answer=shapes.Receipt,
        summary="Add or change past answers; the receipt's revision is served",
        body=schemas.Answers,
        errors=(400, 401, 413, 422, 503),
    ),
    Route(
        method="DELETE",
        path="/v1/answers/{id}",
        handler=answers.remove_answer,
        access=Access.API,
        answer=shapes.Removal,
        summary="Delete a past answer in all languages",
        errors=(400, 401, 404, 503),
    ),
    Route(
        method="POST",
        path="/v1/answers/search",
        handler=answers.search_answers,
        access=Access.API,
        answer=shapes.Found,
        summary="Search the past answers, at least as new as a receipt",
        body=schemas.AnswerSearch,
        errors=(400, 401, 404, 413, 422, 503),
    ),
)
