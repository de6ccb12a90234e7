"""Checks a document against a JSON Schema: the part of draft 2020-12 that our schemas use, and no other."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

Schema = Mapping[str, Any]
TYPES: Mapping[str, type | tuple[type, ...]] = {
    "object": dict,
    "array": list,
    "string": str,
    "boolean": bool,
    "integer": int,
    "null": type(None),
}
KNOWN = {
    *("$schema", "$id", "$defs", "$ref", "title", "type", "enum", "const", "anyOf", "required", "properties"),
    *("additionalProperties", "items", "minItems", "minLength", "minimum", "pattern"),
}


def faults(document: Any, schema: Schema, root: Schema | None = None, at: str = "$") -> list[str]:
    """What in a document does not fit a schema; a keyword that this does not know is a mistake of the schema."""
    assert schema.keys() <= KNOWN, schema.keys() - KNOWN
    root = root or schema
    if "$ref" in schema:
        return faults(document, root["$defs"][schema["$ref"].rpartition("/")[2]], root, at)
    if "anyOf" in schema:
        fits = any(not faults(document, each, root, at) for each in schema["anyOf"])
        return [] if fits else [f"{at}: fits none"]
    if not _is_of_type(document, schema.get("type")):
        return [f"{at}: {document!r} is no {schema['type']}"]
    found = [f"{at}: {document!r}" for _ in _wrong_value(document, schema)]
    if isinstance(document, dict):
        found += _in_object(document, schema, root, at)
    if isinstance(document, list):
        if len(document) < schema.get("minItems", 0):
            found.append(f"{at}: too few")
        for number, each in enumerate(document):
            found += faults(each, schema.get("items", {}), root, f"{at}[{number}]")
    return found


def _is_of_type(document: Any, wanted: str | list[str] | None) -> bool:
    if wanted is None:
        return True
    names = [wanted] if isinstance(wanted, str) else wanted
    return any(
        isinstance(document, TYPES[name]) and not (name == "integer" and isinstance(document, bool))
        for name in names
    )


def _wrong_value(document: Any, schema: Schema) -> Iterator[str]:
    if "enum" in schema and document not in schema["enum"]:
        yield "enum"
    if "const" in schema and document != schema["const"]:
        yield "const"
    if isinstance(document, str):
        if len(document) < schema.get("minLength", 0):
            yield "minLength"
        if "pattern" in schema and not re.search(schema["pattern"], document):
            yield "pattern"
    if isinstance(document, int) and document < schema.get("minimum", document):
        yield "minimum"


def _in_object(document: dict[str, Any], schema: Schema, root: Schema, at: str) -> list[str]:
    properties = schema.get("properties", {})
    found = [f"{at}: lacks {name}" for name in schema.get("required", []) if name not in document]
    if schema.get("additionalProperties") is False:
        found += [f"{at}: has {name}" for name in document if name not in properties]
    for name, each in document.items():
        if name in properties:
            found += faults(each, properties[name], root, f"{at}.{name}")
    return found
