"""Objects put in parts over several requests and processes, in a real store."""

from __future__ import annotations

import os

import pytest

from models.errors import Conflict
from storage.objects import Objects

KEY = "a" * 32 + "-o1"
PART = os.urandom(5 * 1024 * 1024)


def content(objects: Objects) -> bytes:
    return b"".join(objects.open_range(KEY, 0, None))


def test_parts_become_an_object_when_they_are_joined(object_store: Objects) -> None:
    token = object_store.parts.begin(KEY)
    tags = [object_store.parts.put(KEY, token, 1, PART), object_store.parts.put(KEY, token, 2, b"the end")]
    assert not object_store.exists(KEY)
    object_store.parts.join(KEY, token, tags, len(PART) + 7)
    assert content(object_store) == PART + b"the end"
    # By somebody who does not know that it was done.
    object_store.parts.join(KEY, token, tags, len(PART) + 7)
    assert content(object_store) == PART + b"the end"
    assert list(object_store.list_unfinished("")) == []


def test_part_that_is_put_again_replaces_itself(object_store: Objects) -> None:
    token = object_store.parts.begin(KEY)
    object_store.parts.put(KEY, token, 1, PART[::-1])
    tags = [object_store.parts.put(KEY, token, 1, PART)]
    object_store.parts.join(KEY, token, tags, len(PART))
    assert content(object_store) == PART


def test_beginning_again_gives_up_what_was_begun_under_this_key_and_no_other(object_store: Objects) -> None:
    first, other = object_store.parts.begin(KEY), object_store.parts.begin(KEY + "0")
    again = object_store.parts.begin(KEY)
    with pytest.raises(Conflict, match="upload-parts-lost"):
        object_store.parts.put(KEY, first, 1, PART)
    object_store.parts.put(KEY, again, 1, PART)
    object_store.parts.put(KEY + "0", other, 1, PART)


def test_store_that_lost_the_parts_says_so(object_store: Objects) -> None:
    token = object_store.parts.begin(KEY)
    tags = [object_store.parts.put(KEY, token, 1, PART)]
    object_store.delete(KEY)
    with pytest.raises(Conflict, match="upload-parts-lost"):
        object_store.parts.put(KEY, token, 2, PART)
    with pytest.raises(Conflict, match="upload-parts-lost"):
        object_store.parts.join(KEY, token, tags, len(PART))


def test_store_that_lost_one_of_the_parts_says_so(object_store: Objects) -> None:
    token = object_store.parts.begin(KEY)
    tags = [object_store.parts.put(KEY, token, 1, PART), "d41d8cd98f00b204e9800998ecf8427e"]
    with pytest.raises(Conflict, match="upload-parts-lost"):
        object_store.parts.join(KEY, token, tags, len(PART) + 7)
