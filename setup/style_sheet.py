"""Takes out of govuk-frontend's style sheet what only GOV.UK may use: its font, its crest and its logo.

The components are MIT; the font "GDS Transport" and the crown are not ours to show
(https://design-system.service.gov.uk/styles/font-override/). Usage: style_sheet.py SOURCE TARGET
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

FONT_FACE = re.compile(r"(/\*[^*]*\*+(?:[^/*][^*]*\*+)*/)?@font-face\s*\{[^}]*\}")
FONT_NAME = re.compile(r"""(["']?)GDS Transport\1\s*,\s*""")
OWN_IMAGE = re.compile(r"url\([^)]*/assets/[^)]*\)")
NOTICE = "/* govuk-frontend, MIT, Crown copyright; without its font, crest and logo: see NOTICE. */\n"
SOURCE_MAP = re.compile(r"/\*# sourceMappingURL=[^*]*\*/\s*$")


def without_what_is_theirs(css: str) -> str:
    """The same rules without font faces, the font's name, and pictures from GOV.UK's assets."""
    css = FONT_NAME.sub("", FONT_FACE.sub("", css))
    css = SOURCE_MAP.sub("", OWN_IMAGE.sub("none", css))
    for left in ("GDS Transport", "@font-face", "/assets/"):
        if left in css:
            raise SystemExit(
                f"The style sheet still has {left!r}: govuk-frontend changed, so must this script."
            )
    charset = '@charset "UTF-8";'  # counts only as a file's very first bytes
    return f"{charset}{NOTICE}{css.removeprefix(charset)}"


if __name__ == "__main__":
    source, target = map(Path, sys.argv[1:])
    target.write_text(without_what_is_theirs(source.read_text(encoding="utf-8")), encoding="utf-8")
