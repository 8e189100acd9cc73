"""A data set of any size in the official schemas: `python -m benchmarks.msd.synthetic --songs 100000 --out synthetic`.

Features, similarity, tags, bags of words and the list of judged artists are drawn from a seed, with communities of
songs that name each other, sound alike and sing alike. Nothing of it is music, and its figures compare with no others.
"""

import argparse
import sqlite3
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import closing
from multiprocessing import get_context
from pathlib import Path

import numpy as np

from benchmarks.msd.bag_writing import write_bags
from benchmarks.msd.drawing import Drawing
from benchmarks.scale.drawing import draw_songs
from benchmarks.scale.writing import texts, write_data
from simsong_pipeline.sources.sample.hdf5_files import Analysed, write_aggregate_file
from simsong_pipeline.sources.sample.msd_files import MsdTrack

# As in the data set: songs with bags, and artists that are judged.
_WITH_BAGS, _JUDGED = 0.237662, 4_699 / 44_745
_AT_ONCE = 1_000
_FIELDS = "track_id, song_id, artist_id, artist_name, title, release, year"


def main(arguments: Sequence[str] | None = None) -> None:
    """Draw and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--songs", type=int, default=10_000)
    parser.add_argument("--events", type=int, default=200, help="of a song on average; the data set's have some 900")
    parser.add_argument("--judged", type=float, default=_JUDGED, help="share of the artists; the data set's by default")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args(arguments)
    write_data_set(options.out, options.songs, options.events, options.judged, options.seed)


def write_data_set(folder: Path, count: int, events: int, judged_share: float, seed: int) -> None:
    """All files below `folder`, where `--raw` finds them; aggregates of a thousand songs each."""
    write_data(folder, count, seed)
    songs = draw_songs(count, seed)
    drawing, ids = Drawing(songs, seed, events), np.array(texts(songs.ids))
    jobs = [(folder, count, seed, events, begin) for begin in range(0, count, _AT_ONCE)]
    with ProcessPoolExecutor(mp_context=get_context("spawn")) as pool:
        for done, _ in enumerate(pool.map(_write_events, jobs), 1):
            print(f"\r{min(count, done * _AT_ONCE)} of {count} songs", end="", flush=True)
    print()
    rng = np.random.default_rng([seed, 5])
    sung = np.sort(rng.permutation(count)[: round(_WITH_BAGS * count)]).tolist()
    words = [f"word{n}" for n in range(5_000)]
    bags = ((str(ids[n]), {words[w]: c for w, c in drawing.bag(n).items()}) for n in sung)
    write_bags(folder / "musixmatch" / "mxm_dataset_train.txt", words, bags)
    artists = np.unique(songs.artists)
    judged = np.sort(rng.choice(artists, max(1, round(judged_share * len(artists))), replace=False)).tolist()
    (folder / "msd" / "artists_test.txt").write_text("".join(f"AR{a:07d}1187B9\n" for a in judged), encoding="ascii")


def _write_events(job: tuple[Path, int, int, int, int]) -> None:
    folder, count, seed, events, begin = job
    songs = draw_songs(count, seed)
    drawing = Drawing(songs, seed, events)
    numbers = range(begin, min(count, begin + _AT_ONCE))
    tracks = dict(_tracks(folder / "msd" / "track_metadata.db", texts(songs.ids[begin : begin + _AT_ONCE])))
    rows = []
    for number, track_id in zip(numbers, texts(songs.ids[begin : begin + _AT_ONCE]), strict=True):
        sound = drawing.sound(number)
        rows.append(Analysed(_track(tracks[track_id], sound.seconds), arrays=sound.arrays))
    write_aggregate_file(folder / "msd" / "aggregates" / f"{begin // _AT_ONCE:04d}.h5", rows)


def _track(row: tuple[str, ...], seconds: float) -> MsdTrack:
    track_id, song_id, artist_id, artist_name, title, release, year = row
    return MsdTrack(
        track_id,
        song_id,
        artist_id,
        artist_name,
        title,
        release,
        int(year),
        seconds,
        tempo=120.0,
        key=0,
        mode=1,
        beats=0.5,
    )


def _tracks(path: Path, track_ids: Sequence[str]) -> Iterator[tuple[str, tuple[str, ...]]]:
    with closing(sqlite3.connect(path)) as connection:
        for begin in range(0, len(track_ids), 500):
            part = track_ids[begin : begin + 500]
            asked = f"SELECT {_FIELDS} FROM songs WHERE track_id IN ({','.join('?' * len(part))})"
            yield from ((row[0], row) for row in connection.execute(asked, part))


if __name__ == "__main__":
    main()
