"""Writes bags of words in musiXmatch's form, of drawn counts or of lyrics pages.

`python -m benchmarks.msd.bag_writing --raw sample --out sample-bags`: a sample catalogue as who holds the data set has
it, without recordings and with bags in place of pages. Words are as they stand; nothing here finds their stems.
"""

import argparse
import os
import shutil
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from simsong_pipeline.lyrics.bags import words_of
from simsong_pipeline.lyrics.frame import build_lyrics
from simsong_pipeline.sources.lyric_tree import read_lyric_tree

WORDS = 5_000
_LEFT_OUT = ("audio", "lyrics")


def main(arguments: Sequence[str] | None = None) -> None:
    """Copy and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--raw", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args(arguments)
    print(f"{with_bags(options.raw, options.out)} bags in {options.out}")


def with_bags(raw: Path, out: Path) -> int:
    """A folder that holds what another one does, by hard links, but recordings and pages; how many bags it has."""
    for part in sorted(raw.iterdir()):
        if part.is_dir() and part.name not in _LEFT_OUT:
            shutil.copytree(part, out / part.name, copy_function=os.link)
    pages = read_lyric_tree(raw / "lyrics")
    lyrics = build_lyrics(pages.select("track_id").unique().sort("track_id"), [pages]).filter(status="ok")
    bags = {track_id: Counter(words_of(text)) for track_id, text in lyrics.select("track_id", "text").rows()}
    write_bags(out / "musixmatch" / "mxm_dataset_train.txt", commonest(bags.values()), bags.items())
    return len(bags)


def commonest(bags: Iterable[Mapping[str, int]]) -> list[str]:
    """The words that are sung most often, the most frequent first."""
    total: Counter[str] = Counter()
    for bag in bags:
        total.update(bag)
    return sorted(total, key=lambda word: (-total[word], word))[:WORDS]


def write_bags(path: Path, words: Sequence[str], bags: Iterable[tuple[str, Mapping[str, int]]]) -> None:
    """`mxm_dataset_train.txt`: the words after a `%`, then a line a track of its id, another id and word:count."""
    places = {word: n for n, word in enumerate(words, 1)}
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8") as handle:
        handle.write(f"# bags of words\n%{','.join(words)}\n")
        for number, (track_id, bag) in enumerate(bags, 1):
            known = sorted((places[word], count) for word, count in bag.items() if word in places)
            handle.write(",".join([track_id, str(number), *(f"{place}:{count}" for place, count in known)]) + "\n")


if __name__ == "__main__":
    main()
