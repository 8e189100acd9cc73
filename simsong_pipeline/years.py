"""Years as tags and lists write them."""

import re
import unicodedata
from collections.abc import Iterable, Iterator

_YEAR = r"(1[89]\d\d|20\d\d)"
# 20030501, 200305, 20030501T120000, 01052003; then a year that stands by itself: 2003-05-01, (C) 1998, c. 1971, 1990.0.
_COMPACT = re.compile(rf"(?<!\d){_YEAR}(?:0\d|1[0-2])(?:[0-2]\d|3[01])?(?:\d{{4}}|\d{{6}})?(?!\d)")
_LAST = re.compile(rf"(?<!\d)(?:[0-2]\d|3[01])(?:[0-2]\d|3[01]){_YEAR}(?!\d)")
_ALONE = re.compile(rf"(?<!\d){_YEAR}(?!\d|['’]?s\b)")


def year_of(*texts: str | None) -> int | None:
    """The first year from 1800 to 2099 that one of the texts states; decades and two digits are no years."""
    return next(_years(text for text in texts if text), None)


def _years(texts: Iterable[str]) -> Iterator[int]:
    for text in texts:
        plain = unicodedata.normalize("NFKC", text)
        found = _ALONE.search(plain) or _COMPACT.search(plain) or _LAST.search(plain)
        if found:
            yield int(found[1])
