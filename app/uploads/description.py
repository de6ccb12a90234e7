"""What this room's requests and answers carry in headers, for the API's description."""

from __future__ import annotations

from typing import Any

from app.uploads.protocol import ALGORITHMS, KIND, MOST_METADATA, VERSION
from app.web.described import Responses, may_end_in, takes

NUMBER = {"type": "string", "pattern": "^[0-9]{1,18}$"}
TUS = {"name": "Tus-Resumable", "schema": {"type": "string", "enum": [VERSION]}, "required": True}
LENGTH = {"name": "Upload-Length", "schema": NUMBER, "description": "Of the whole recording, in bytes."}
DEFERRED = {"name": "Upload-Defer-Length", "schema": {"type": "string", "enum": ["1"]}}
OFFSET = {"name": "Upload-Offset", "schema": NUMBER, "required": True}
METADATA = {
    "name": "Upload-Metadata",
    "schema": {"type": "string", "maxLength": MOST_METADATA, "pattern": "^[!-~ ]*$"},
    "required": True,
    "description": "Keys, each with a value in base64: `story_id`, and `filename` if it has one.",
}
CHECKSUM = {
    "name": "Upload-Checksum",
    "schema": {"type": "string", "pattern": f"^({'|'.join(ALGORITHMS)}) [A-Za-z0-9+/=]+$"},
    "description": "An algorithm, and what the bytes of this request come out as, in base64.",
}
BYTES = takes(KIND, {"type": "string", "format": "binary"}, is_required=False)

# Of the protocol: in a header that is wrong, in another version of it, in another kind of body.
SPOKEN: Responses = may_end_in(400, 412)
TAKING: Responses = SPOKEN | may_end_in(413, 415, 423, 429, 460, 507)
LOOKED_AT: Responses = {
    200: {"headers": {"Upload-Offset": {"required": True, "schema": NUMBER}}},
    **SPOKEN,
    # For what else is answered with 5xx: clients would take that for a lost upload, and begin anew.
    **may_end_in(423),
}
TAKEN = {"headers": {"Upload-Offset": {"required": True, "schema": NUMBER}}}


def carries(*headers: dict[str, Any]) -> dict[str, Any]:
    """For a route's ``openapi_extra``: the headers of its requests."""
    return {"parameters": [{"in": "header", **each} for each in headers]}
