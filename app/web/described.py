"""What programs are told of the API (OpenAPI 3.1): beside each route's own answers, in which problems it can end.

A route says what it gives. What it refuses follows from what it is: whether somebody has to come with a key, whether
it names a thing that may be gone, whether it takes a body. tests/faults/test_schema_conformance.py holds it to that.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from fastapi import FastAPI

from app.words import TITLES

API = "/api/"
PROBLEM = {
    "type": "object",
    "title": "Problem",
    "description": "RFC 9457. `code` is stable; beside it stand that code's parameters. All codes: `/problems`.",
    "required": ["type", "title", "status", "detail", "code"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "code": {"type": "string"},
        "errors": {
            "type": "array",
            "description": "What is wrong with which part of what was sent.",
            "items": {
                "type": "object",
                "required": ["at", "says"],
                "properties": {"at": {"type": "string"}, "says": {"type": "string"}},
            },
        },
    },
}
CONTENT = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
# FastAPI's own, which nothing here answers.
NOT_OURS = ("HTTPValidationError", "ValidationError")
# A key that is not known, a scope that it lacks, a part that does not answer: whatever is asked.
ALWAYS = frozenset({401, 403, 503})

ONE_FILE = {
    "type": "object",
    "required": ["file"],
    "properties": {"file": {"type": "string", "format": "binary"}},
}

Responses = dict[int | str, dict[str, Any]]


def gives(*media_types: str, status: int = 200) -> Responses:
    """For a route's ``responses``: bytes of these kinds."""
    return {status: {"content": {each: {"schema": _schema_of(each)} for each in media_types}}}


def _schema_of(media_type: str) -> dict[str, Any]:
    return {} if media_type == "application/json" else {"type": "string", "format": "binary"}


def may_end_in(*statuses: int) -> Responses:
    """For a route's ``responses``: problems that do not follow from what it looks like."""
    return {status: problem(status) for status in statuses}


def takes(media_type: str, schema: Mapping[str, Any], *, is_required: bool = True) -> dict[str, Any]:
    """For a route's ``openapi_extra``: a body that it reads by itself."""
    return {"requestBody": {"required": is_required, "content": {media_type: {"schema": dict(schema)}}}}


def problem(status: int) -> dict[str, Any]:
    return {"description": TITLES[status], "content": CONTENT}


class DescribedApi(FastAPI):
    """An application that says in its description how its requests can fail."""

    def openapi(self) -> dict[str, Any]:
        if self.openapi_schema is None:
            _describe_problems(super().openapi())
        return super().openapi()


def _describe_problems(schema: dict[str, Any]) -> None:
    for path, operations in schema["paths"].items():
        for method, operation in operations.items():
            responses = operation["responses"]
            responses.pop("422", None)
            for status in _problems_of(path, method, operation) if path.startswith(API) else ():
                responses.setdefault(str(status), problem(status))
            operation["responses"] = dict(sorted(responses.items()))
    schemas = schema["components"]["schemas"]
    schemas["Problem"] = PROBLEM
    for name in NOT_OURS:
        schemas.pop(name, None)


def _problems_of(path: str, method: str, operation: Mapping[str, Any]) -> Iterable[int]:
    """The statuses with which an operation can refuse; in order."""
    if method == "options":
        return ()
    found = set(ALWAYS)
    if "{" in path:
        found |= {404, 410}
    if "{" in path or "parameters" in operation or "requestBody" in operation:
        # Also a text that a database does not keep; and what a parameter names may not be there.
        found |= {404, 422}
    if method != "get":
        found.add(409)
    if "requestBody" in operation:
        found |= {400, 413}
    return sorted(found)
