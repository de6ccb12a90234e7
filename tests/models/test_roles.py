"""Who asks: what a principal is, before any database is asked."""

from __future__ import annotations

from models.roles import ANYONE, Principal, Role, Scope, readers_mark


def test_nobody_in_particular_has_no_pilot_and_is_not_signed_in() -> None:
    assert not ANYONE.is_signed_in
    assert ANYONE.pilots_as(*Role) == frozenset()


def test_a_role_counts_in_its_own_pilot_only() -> None:
    both = Principal("a", roles={"north": frozenset({Role.CURATOR}), "south": frozenset({Role.REPORTER})})
    assert both.pilots_as(Role.CURATOR) == {"north"}
    assert both.pilots_as(Role.CURATOR, Role.REPORTER) == {"north", "south"}


def test_a_session_has_every_scope_and_a_key_only_its_own() -> None:
    assert all(Principal("a").has_scope(scope) for scope in Scope)
    key = Principal("a", scopes=frozenset({Scope.STORIES_READ}))
    assert [scope for scope in Scope if key.has_scope(scope)] == [Scope.STORIES_READ]


def test_marks_of_readers_tell_roles_and_pilots_apart() -> None:
    marks = {readers_mark(role, pilot) for role in Role for pilot in ("north", "south")}
    assert len(marks) == 2 * len(Role)
