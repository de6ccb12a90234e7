"""How large the body of a request may be: small, except where recordings and forms are streamed and counted."""

from __future__ import annotations

# Before anybody is asked who they are, a body is read into memory as far as this. Four hours of corrected transcript,
# word by word, are smaller.
MAX_BODY_BYTES = 8 * 1024 * 1024
# For routes that ask first, count what comes and hold none of it: their own limits are those of what is sent.
STREAMED = 2**62
