"""Which passwords are refused because many people would have chosen them: by rule, without a list from elsewhere.

A password is refused if it is put together from up to three *usual pieces*, whatever stands between them: words that
passwords are made of, runs over a keyboard, up to eight digits, one to three characters again and again, and the
person's own names. So is one short piece said over and over, and what has fewer than five different characters. Small
and capital letters, accents, and digits and signs that look like letters make no difference. Of what is left, length
alone is asked (OWASP ASVS 5.0, 6.2.4 and 6.2.5).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterator
from itertools import pairwise

MOST_USUAL_PIECES = 3
LEAST_DISTINCT = 5
LONGEST_REPEATED = 10
# Words that stand in every list of leaked passwords, and this service's own; ten languages for "password" and "hello".
WORDS = frozenset(
    """
    password passwort passord passw contrasena clave haslo parool salasana losenord wachtwoord jelszo kodikos
    secret geheim sekret tajne login signin logon access admin administrator administrador root user usuario
    guest test testing tester demo default example temp temporary changeme change letmein welcome willkommen
    bienvenido witaj witam tere tervetuloa valkommen welkom benvenuto kalimera hello hallo hola hei hej ciao
    moi servus please trustno open sesame love iloveyou loveyou iloveu teamo tequiero kocham kocha ljubim
    mylove forever always baby babygirl babyboy angel princess princesa sunshine sunflower flower butterfly
    rainbow summer winter spring autumn monkey dragon tiger lion football soccer baseball basketball hockey
    master superman batman spiderman pokemon starwars naruto michael jordan michelle jessica jennifer charlie
    daniel andrew ashley thomas robert christopher alexander anna maria marie julia sophie emma peter paul
    pavel jan ivan martin stefan marco carlos jose jesus christ jesuschrist god godisgood blessed family
    mother father mommy daddy mama papa friends friend computer internet google facebook playstation minecraft
    youtube samsung apple windows microsoft linux server database qwerty qwertz azerty asdf zxcv abc abcd
    abcde abcdef alphabet number numbers one two three four five six seven eight nine ten first number1 cookie
    chocolate cheese coffee banana orange pepper ginger shadow killer freedom whatever nothing something
    everything matrix mustang ferrari porsche mercedes harley liverpool arsenal chelsea barcelona realmadrid
    manchester united london paris berlin madrid warszawa polska espana italia suomi sverige nederland eesti
    hellas magyar america england community reporting communityreporting reporter story stories curator pilot
    facilitator my your the is and to in of on with for you me new old good best big lucky happy crazy hot cool super
    secure security safe strong easy simple long short
    """.split()  # noqa: SIM905 - a line a word would be three hundred
)
# Rows as they lie above each other, each half a key further right: QWERTY, QWERTZ and AZERTY; and the alphabet.
KEYBOARDS = (
    ("1234567890", "qwertyuiop", "asdfghjkl", "zxcvbnm"),
    ("1234567890", "qwertzuiop", "asdfghjkl", "yxcvbnm"),
    ("1234567890", "azertyuiop", "qsdfghjklm", "wxcvbn"),
    ("abcdefghijklmnopqrstuvwxyz",),
)
SHORTEST_RUN = 3
LONGEST_PIECE = 40
SIGNS_AS_LETTERS = str.maketrans("@$!", "asi")
DIGITS_AS_LETTERS = str.maketrans("013457", "oleast")
# As many digits as a date has: they do not make a word much rarer.
DIGITS = re.compile(r"\d{1,8}")
AGAIN = re.compile(r"(.{1,3}?)\1{2,}")


def is_usual(password: str, own: Collection[str] = ()) -> bool:
    """Whether many would have chosen it, or whoever knows the person.

    :param own: names that are the person's: what they are called, and sign in as
    """
    written = _folded(password)
    bare = _bare(written)
    if len(set(written)) < LEAST_DISTINCT or _is_said_again(bare):
        return True
    words = WORDS | {part for name in own for part in _names_in(name)}
    return any(_is_made_of(each, words) for each in {bare, _bare(written.translate(SIGNS_AS_LETTERS))})


def _folded(text: str) -> str:
    """Without accents, blanks, and the difference of small and capital letters."""
    plain = unicodedata.normalize("NFKD", text).casefold()
    return "".join(each for each in plain if not unicodedata.combining(each) and not each.isspace())


def _bare(folded: str) -> str:
    """Letters and digits alone: what stands between them makes nothing rarer."""
    return "".join(each for each in folded if each.isalnum())


def _names_in(name: str) -> list[str]:
    """What is called so: the whole, and its parts, as "rita", "example" and "ritaexampleorg" of an e-mail address."""
    parts = (_bare(_folded(each)) for each in (name, *re.split(r"[\W_]+", name)))
    return [each for each in parts if len(each) >= SHORTEST_RUN]


def _is_said_again(bare: str) -> bool:
    """One piece over and over, perhaps cut off at the end: "raindayrainday", "abcabcabca"."""
    return any(
        bare == (bare[:length] * len(bare))[: len(bare)]
        for length in range(1, min(LONGEST_REPEATED, len(bare) // 2) + 1)
    )


def _is_made_of(bare: str, words: Collection[str]) -> bool:
    """Whether up to :data:`MOST_USUAL_PIECES` usual pieces are all there is."""
    # The places that so many pieces reach from the beginning.
    reached = {0}
    for _ in range(MOST_USUAL_PIECES):
        reached |= {end for start in reached for end in _ends_of_pieces(bare, start, words)}
    return len(bare) in reached


def _ends_of_pieces(bare: str, start: int, words: Collection[str]) -> Iterator[int]:
    """Where a usual piece that begins here may end."""
    for end in range(start + 1, min(start + LONGEST_PIECE, len(bare)) + 1):
        piece = bare[start:end]
        is_word = piece in words or piece.translate(DIGITS_AS_LETTERS) in words
        if is_word or DIGITS.fullmatch(piece) or AGAIN.fullmatch(piece) or _is_run(piece):
            yield end


def _is_run(piece: str) -> bool:
    """Whether fingers write it that go from key to key, or two of them in turn, as in "q1w2e3"."""
    return _is_walked(piece) or (_is_walked(piece[::2]) and _is_walked(piece[1::2]))


def _is_walked(piece: str) -> bool:
    """Whether each key lies beside the one before, but for jumps after three or more, as in "qweasd" or "1qaz2wsx"."""
    walked = 1
    for one, following in pairwise(piece):
        if (one, following) in NEIGHBOURS:
            walked += 1
        elif walked < SHORTEST_RUN:
            return False
        else:
            walked = 1
    return walked >= SHORTEST_RUN


def _neighbours() -> Iterator[tuple[str, str]]:
    for rows in KEYBOARDS:
        for number, row in enumerate(rows):
            below = rows[number + 1] if number + 1 < len(rows) else ""
            for place, key in enumerate(row):
                beside = (key, *row[place + 1 : place + 2], *below[max(0, place - 1) : place + 1])
                yield from ((key, other) for other in beside)
                yield from ((other, key) for other in beside)


NEIGHBOURS = frozenset(_neighbours())
