"""The codebook: which themes there are, what they mean, and what they are called in each language.

The words follow SKOS: a theme is a concept with a preferred label (``pref_label``) per language and a definition;
a facet is a collection of themes. Theme ids are stable: exports and stored suggestions use them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Literal, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from models.errors import Invalid

FOLDER = Path(__file__).resolve().parent / "codebook"
Content = TypeVar("Content", bound=BaseModel)


@dataclass(frozen=True)
class Facet:
    """A side from which a story is looked at: voice, life or service."""

    id: str
    pref_label: str
    definition: str


@dataclass(frozen=True)
class Theme:
    """One idea. ``pref_label`` maps language codes to labels and always has ``en``; ``definition`` is English."""

    id: str
    facet: str
    pref_label: Mapping[str, str]
    definition: str

    def label(self, language: str) -> str:
        """What the theme is called in ``language``; in English where no label is known."""
        return self.pref_label.get(language, self.pref_label["en"])


@dataclass(frozen=True)
class Codebook:
    """Facets and themes in their order. ``languages`` are those with a label for every theme, English first."""

    version: int
    facets: tuple[Facet, ...]
    themes: tuple[Theme, ...]
    languages: tuple[str, ...]

    def theme(self, theme_id: str) -> Theme:
        """The theme of that id; raises ``Invalid("theme-unknown")``."""
        for theme in self.themes:
            if theme.id == theme_id:
                return theme
        raise Invalid("theme-unknown", theme=theme_id)

    def ids(self) -> tuple[str, ...]:
        """Theme ids in the codebook's order."""
        return tuple(theme.id for theme in self.themes)

    def in_facet(self, facet_id: str) -> tuple[Theme, ...]:
        """The themes of one facet, in the codebook's order."""
        return tuple(theme for theme in self.themes if theme.facet == facet_id)


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class _FacetEntry(_Strict):
    id: str
    label: str
    definition: str


class _ThemeEntry(_FacetEntry):
    facet: str


class _ThemesFile(_Strict):
    version: int = Field(ge=1)
    facets: list[_FacetEntry] = Field(min_length=1)
    themes: list[_ThemeEntry] = Field(min_length=1)


class ThemeWords(_Strict):
    """A language file's entry for one theme: its label, and terms by strength (see ``terms.py``)."""

    label: str | None = None
    sure: str = ""
    hint: str = ""
    never: str = ""


class LanguageFile(_Strict):
    """A language file as written. Without any term it carries labels only.

    ``sets`` are named lists of words that terms may refer to; ``exclusions`` hold for every theme.
    """

    language: str
    accents: Literal["keep", "fold"] = "keep"
    sets: dict[str, str] = {}
    exclusions: str = ""
    themes: dict[str, ThemeWords]

    def has_vocabulary(self) -> bool:
        """Whether every theme named here has terms to be found by."""
        return all(words.sure for words in self.themes.values())


@lru_cache(maxsize=4)
def load_codebook(folder: Path = FOLDER) -> Codebook:
    """Read ``themes.yaml`` and the labels in every language file.

    Raises ``Invalid("codebook-broken")``, naming the file and what is wrong: a part that is missing or unknown, a
    doubled id, an unknown facet, a theme that the codebook does not have.
    """
    source = folder / "themes.yaml"
    content = _parse(source, _ThemesFile)
    _refuse_doubles(source, (entry.id for entry in [*content.facets, *content.themes]))
    facets = {entry.id: Facet(entry.id, entry.label, entry.definition) for entry in content.facets}
    for entry in content.themes:
        if entry.facet not in facets:
            raise _broken(source, f"theme {entry.id} names the facet {entry.facet}, which there is not")
    themes = tuple(Theme(e.id, e.facet, {"en": e.label}, e.definition) for e in content.themes)
    return _with_labels(Codebook(content.version, tuple(facets.values()), themes, ("en",)), folder)


@lru_cache(maxsize=32)
def load_language(language: str, folder: Path = FOLDER) -> LanguageFile:
    """The data file of one language. Raises ``Invalid`` with "codebook-broken"."""
    source = folder / "vocabulary" / f"{language}.yaml"
    content = _parse(source, LanguageFile)
    if content.language != language:
        raise _broken(source, f"the file says that its language is {content.language}")
    return content


def languages_with_vocabulary(folder: Path = FOLDER) -> tuple[str, ...]:
    """Codes of the languages in which themes can be suggested; the others have labels at most."""
    return tuple(code for code in _language_codes(folder) if load_language(code, folder).has_vocabulary())


def _language_codes(folder: Path) -> list[str]:
    return sorted(path.stem for path in (folder / "vocabulary").glob("*.yaml"))


def _with_labels(codebook: Codebook, folder: Path) -> Codebook:
    labels = {theme.id: dict(theme.pref_label) for theme in codebook.themes}
    complete = []
    for code in _language_codes(folder):
        words = load_language(code, folder).themes
        unknown = sorted(set(words) - set(labels))
        if unknown:
            raise _broken(folder / f"{code}.yaml", f"the codebook has no theme {', '.join(unknown)}")
        for theme_id, entry in words.items():
            if entry.label:
                labels[theme_id][code] = entry.label
        if code != "en" and all(code in known for known in labels.values()):
            complete.append(code)
    themes = tuple(Theme(t.id, t.facet, labels[t.id], t.definition) for t in codebook.themes)
    return Codebook(codebook.version, codebook.facets, themes, ("en", *complete))


def _parse(source: Path, kind: type[Content]) -> Content:
    try:
        written = source.read_text(encoding="utf-8")
        return kind.model_validate(yaml.load(written, Loader=_OnceLoader))  # noqa: S506 (it is a safe loader)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise _broken(source, f"{place}: {first['msg']}") from error
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise _broken(source, str(error)) from error


class _OnceLoader(yaml.CSafeLoader):
    """YAML that refuses a key written twice; PyYAML itself would silently keep the last. In C: ten times as fast."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[object, object]:
        keys = [self.construct_object(key, deep=True) for key, _ in node.value]
        for key in keys:
            if keys.count(key) > 1:
                raise yaml.constructor.ConstructorError(None, None, f"{key} stands twice", node.start_mark)
        return super().construct_mapping(node, deep=deep)


def _refuse_doubles(source: Path, ids: Iterable[str]) -> None:
    seen: set[str] = set()
    for one in ids:
        if one in seen:
            raise _broken(source, f"the id {one} stands twice")
        seen.add(one)


def _broken(source: Path, reason: str) -> Invalid:
    return Invalid("codebook-broken", file=source.name, reason=reason)
