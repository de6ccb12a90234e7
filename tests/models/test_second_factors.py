"""Codes of a second factor: those of the standard, taken a step early or late and no more; codes on paper."""

from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, unquote, urlsplit

import pytest

from models import second_factors as rules

SECRET = base64.b32encode(b"12345678901234567890").decode()
# RFC 6238, appendix B, SHA-1: seconds since 1970, and the last six of the eight digits there.
VECTORS = {
    59: "287082",
    1111111109: "081804",
    1111111111: "050471",
    1234567890: "005924",
    2000000000: "279037",
    20000000000: "353130",
}


def at(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


@pytest.mark.parametrize(("seconds", "code"), VECTORS.items())
def test_codes_are_those_of_the_standard(seconds: int, code: str) -> None:
    step = seconds // 30
    assert rules.code_of(SECRET, step) == code
    assert rules.matching_step(SECRET, code, at(seconds)) == step


def test_code_is_taken_a_step_early_or_late_and_no_more() -> None:
    now = at(1_900_000_000)
    step = rules.step_at(now)
    codes = {away: rules.code_of(SECRET, step + away) for away in (-2, -1, 0, 1, 2)}
    found = {away: rules.matching_step(SECRET, code, now) for away, code in codes.items()}
    assert found == {-2: None, -1: step - 1, 0: step, 1: step + 1, 2: None}


@pytest.mark.parametrize("written", ["287 082", " 287082\n", "287082"])
def test_code_may_be_written_with_blanks(written: str) -> None:
    assert rules.matching_step(SECRET, written, at(59)) == 1


@pytest.mark.parametrize("written", ["", "28708", "2870820", "２８７０８２", "-287082", "x" * 10_000, "\x00"])
def test_what_is_no_code_matches_nothing(written: str) -> None:
    assert rules.matching_step(SECRET, written, at(59)) is None


def test_wrong_code_is_compared_with_as_many_as_a_right_one(monkeypatch: pytest.MonkeyPatch) -> None:
    compared: list[bytes] = []
    compare = rules.hmac.compare_digest
    monkeypatch.setattr(
        rules.hmac, "compare_digest", lambda one, other: compared.append(other) or compare(one, other)
    )
    now = at(1_900_000_000)
    for away in (-1, 0, 1, 7):
        compared.clear()
        rules.matching_step(SECRET, rules.code_of(SECRET, rules.step_at(now) + away), now)
        assert len(compared) == 3, "in constant time, and all of them"


def test_secret_has_160_random_bits_and_an_address_that_authenticators_read() -> None:
    made = {rules.new_secret() for _ in range(50)}
    assert len(made) == 50
    assert {len(base64.b32decode(each)) for each in made} == {20}
    address = urlsplit(rules.address_of(SECRET, "rita@example.org", "Community Reporting"))
    assert (address.scheme, address.netloc) == ("otpauth", "totp")
    assert unquote(address.path) == "/Community Reporting:rita@example.org"
    asked = {name: value for name, (value,) in parse_qs(address.query).items()}
    assert asked == {
        "secret": SECRET,
        "issuer": "Community Reporting",
        "algorithm": "SHA1",
        "digits": "6",
        "period": "30",
    }


def test_recovery_codes_are_random_and_read_however_they_are_written() -> None:
    codes = rules.new_recovery_codes()
    assert len(set(codes)) == rules.RECOVERY_CODES
    for code in codes:
        plain = rules.plain(code)
        assert len(plain) * 5 >= 112, "bits enough for a plain hash (ASVS 5.0, 6.5.2)"
        assert rules.plain(f" {code.upper()} ") == rules.plain(code.replace("-", " - ")) == plain


def test_guessing_codes_takes_years() -> None:
    guesses_a_year = rules.MOST_WRONG_CODES * timedelta(days=365) / rules.COUNTED_FOR
    right_ones = 2 * rules.STEPS_BESIDE + 1
    # A lower bound of the years after which an even chance is reached.
    assert 10**rules.DIGITS / right_ones / guesses_a_year * 0.69 > 2
