"""Which passwords are refused because many people choose them, or because they say who the person is."""

from __future__ import annotations

import time

import pytest

from models.passwords import is_usual

OWN = ("Rita Nowak", "rita.nowak@example.org")


@pytest.mark.parametrize(
    "password",
    [
        "password1234",
        "Password2024!",
        "P@ssw0rd1234",
        "passwordpassword",
        "haslohaslo123",
        "administrator",
        "letmein-please",
        "iloveyou1234",
        "Welcome to London",
        "football2024!",
        "123456789012",
        "098765432100",
        "qwertyuiop12",
        "1q2w3e4r5t6y",
        "q1w2e3r4t5y6",
        "1qaz2wsx3edc",
        "zaq12wsxcde3",
        "asdfghjkl;'#",
        "yxcvbnm12345",
        "abcdefghijkl",
        "aaaaaaaaaaaa",
        "abababababab",
        "rainrainrain",
        "raindayrainday",
        "Rain Day Rain Day",
        "community reporting",
        "My Story 2024",
        "ritanowak123",
        "Rita-Nowak-1",
        "Nowak2024Nowak",
        "rita.nowak@example.org",
        "RÍTA  nowak 99",
    ],
)
def test_usual_password_is_refused(password: str) -> None:
    assert is_usual(password, OWN)


@pytest.mark.parametrize(
    "password",
    [
        "the bench by the well",
        "tomatoes in the rain",
        "correct horse battery staple",
        "kapusta i groch, siedem razy",
        "Rita keeps bees on the roof",
        "η γιαγιά μου έλεγε παραμύθια",
        "v8#Kq2!xPz0&",
        "dfkjhvbzxqpw",
        "wir sassen am brunnen",
    ],
)
def test_sentence_of_ones_own_and_random_characters_are_not(password: str) -> None:
    assert not is_usual(password, OWN)


def test_names_are_refused_to_whoever_has_them_alone() -> None:
    assert is_usual("nowak nowak 7", OWN)
    assert not is_usual("Penelope Kraus 7", OWN)
    assert is_usual("Penelope Kraus 7", ("Penelope Kraus", "pk"))


@pytest.mark.parametrize(
    "password", ["ab1 " * 50, "password" * 25, "1" * 199 + "ü", "pass1" * 39 + "ü", "q1" * 100]
)
def test_longest_passwords_are_judged_at_once(password: str) -> None:
    began = time.process_time()
    is_usual(password, ("x" * 200, "y " * 100))
    assert time.process_time() - began < 0.5
