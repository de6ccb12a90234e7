"""Makes ready, once, what recognition and theme tagging read from disk: weights, and tables of dictionary forms.

Both come from installed packages; nothing is fetched. Where they are: DATA/cache, or COMMUNITY_REPORTING_CACHE.
"""

from __future__ import annotations

from app.settings import Settings
from pipeline.themes import lemmas
from pipeline.transcription import weights


def main() -> None:
    """Join and verify the weights, build the tables; says so only when there is something to do."""
    cache = Settings().cache_folder
    if not (cache / "whisper-base" / "verified").exists():
        print("Joining the recogniser's weights and comparing their digest", flush=True)
    weights.ensure(cache)
    tables = lemmas.lemma_folder(cache)
    if lemmas.check(tables):
        print("Building tables of dictionary forms (half a minute)", flush=True)
    lemmas.ensure(tables)


if __name__ == "__main__":
    main()
