"""What a night costs: `python -m benchmarks.nights --songs 2000`.

Writes a music folder of short synthetic songs, trains for a few steps once, then measures nights by the command itself,
each as a person would start it: nothing changed, twenty songs changed (a quarter of few), one song new. Then, in rounds
from the same state, a night with many new songs and its parts on the same songs and as many threads: decoding and
resampling alone, with what the encoders hear of it (log-mels, or what pretrained networks give), with the encoders as
well.
"""

import argparse
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np
import polars as pl
import soundfile

from simsong_pipeline.audio.decoding import decode
from simsong_pipeline.audio.preparation import AudioTask, Hearing, heard, sense
from simsong_pipeline.engines.local import ThreadWorker
from simsong_pipeline.home.events import Events
from simsong_pipeline.home.hearing import open_listener
from simsong_pipeline.home.workspace import Workspace
from simsong_pipeline.runs.ahead import Ahead, usable_encoders

RATE = 44_100
_BLOCK = 1 << 16
# Of a head, or of an encoder where another kind is configured: a night does not care how good it is.
BRIEF = """
[train]
steps = 6
batch_size = 16
warmup_steps = 1
validate_every = 3
"""


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--songs", type=int, default=2_000)
    parser.add_argument("--seconds", type=float, default=8.0, help="length of a song")
    parser.add_argument("--suffix", default=".ogg", help="encoding of the songs")
    parser.add_argument("--manifest", action="store_true", help="a catalogue's CSV in place of a music folder")
    parser.add_argument("--new", type=int, default=200, help="songs that arrive in the last night, two at least")
    parser.add_argument("--rounds", type=int, default=3, help="repetitions of that night and of its parts")
    parser.add_argument("--config", type=Path, help="TOML file in place of the defaults, trained for six steps")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        _measure(Path(folder), arguments)


def _measure(folder: Path, options: argparse.Namespace) -> None:
    music, home = folder / "music", folder / "home"
    manifest = folder / "manifest.csv" if options.manifest else None
    rng = np.random.default_rng(options.seed)
    files = [
        music / f"Artist {n % max(1, options.songs // 10)} - Song {n}{options.suffix}" for n in range(options.songs)
    ]
    for file in files:
        write_song(file, rng, options.seconds)
    config = folder / "config.toml"
    config.write_text(options.config.read_text() if options.config else BRIEF)
    _list(music, manifest)
    source = ["run", "--manifest", str(manifest), "--relevance", "artist"] if manifest else ["library", str(music)]
    rows = [_night("first run, with training", [*source, "--config", str(config), "--publish-anyway"], home)]
    rows.append(_night("nothing changed", ["refresh", "--publish-anyway"], home))
    # More than half of a collection at once would be taken for a lost disk.
    changed = files[: min(20, options.songs // 4)]
    for file in changed:
        write_song(file, rng, options.seconds)
    rows.append(_night(f"{len(changed)} changed", ["refresh", "--publish-anyway"], home))
    write_song(music / f"Newcomer - First Song{options.suffix}", rng, options.seconds)
    _list(music, manifest)
    rows.append(_night("one new", ["refresh", "--publish-anyway"], home))
    started = time.perf_counter()
    found = _call(["similar", "First Song", "--home", str(home), "-k", "3", "--json"])
    print(f"the new song is found, with {len(found.splitlines())} neighbours, {time.perf_counter() - started:.1f} s")
    many = [music / f"Late Artist - Late {n}{options.suffix}" for n in range(options.new)]
    for file in many:
        write_song(file, rng, options.seconds)
    seconds = [_round(many, folder, manifest) for _ in range(options.rounds)]
    medians = {name: float(np.median([s[name] for s in seconds])) for name in seconds[0]}
    with pl.Config(tbl_rows=-1, tbl_width_chars=160):
        print(pl.DataFrame(rows))
    alone = medians["decoding and resampling"]
    print(f"of {options.new} new songs, medians of {options.rounds} rounds:")
    for name, value in medians.items():
        print(f"{name:32} {1e3 * value:7.1f} ms a song {value / alone:6.2f}")


def _list(music: Path, manifest: Path | None) -> None:
    """Write the manifest of what is in the folder, where there is to be one."""
    if manifest is not None:
        rows = [(str(f), *f.stem.split(" - ", 1)) for f in sorted(music.iterdir())]
        pl.DataFrame(rows, schema=["path", "artist", "title"], orient="row").write_csv(manifest)


def _round(files: list[Path], folder: Path, manifest: Path | None) -> dict[str, float]:
    """Seconds a song of the parts and of the whole, from one state of the home, which stays as it was.

    The whole is what each song adds to a night that has one: starting is not what a song costs.
    """
    home = folder / "round"
    shutil.copytree(folder / "home", home)
    workspace = Workspace(home)
    config = workspace.load_config()
    listener = open_listener(config, Events(stage=print, progress=lambda *_: None, note=print))
    tasks = [AudioTask(f.name, str(f), f.stat().st_size, f.stat().st_mtime_ns, None) for f in files]

    threads = config.audio.workers or os.cpu_count() or 1

    def prepared(hear: Hearing) -> Iterable[object]:
        first = partial(sense, audio=config.audio, front_end=listener.front_end)
        return ThreadWorker(threads, print).map_songs(first, lambda sensed: hear(heard(sensed, listener)), _lost, tasks)

    def decoded() -> Iterable[object]:
        with ThreadPoolExecutor(threads) as pool:
            yield from pool.map(lambda f: decode(f, listener.front_end.sample_rate, config.audio.max_seconds), files)

    seconds = {
        "decoding and resampling": _seconds(decoded()),
        "with checks and hearing": _seconds(prepared(lambda _: None)),
        "with both encoders": _seconds(prepared(Ahead(workspace, config, usable_encoders(workspace, config)).hear)),
    }
    shares = {name: value / len(files) for name, value in seconds.items()}
    _list(files[0].parent, manifest)
    night = _refresh_seconds(home)
    shutil.rmtree(home)
    shutil.copytree(folder / "home", home)
    aside = folder / "aside"
    aside.mkdir()
    for file in files[1:]:
        file.rename(aside / file.name)
    _list(files[0].parent, manifest)
    one = _refresh_seconds(home)
    for file in files[1:]:
        (aside / file.name).rename(file)
    aside.rmdir()
    shutil.rmtree(home)
    return shares | {"a night, index included": (night - one) / (len(files) - 1)}


def _lost(task: AudioTask, how: str) -> None:
    raise RuntimeError(f"{task.path}: {how}")


def _refresh_seconds(home: Path) -> float:
    return float(str(_night("", ["refresh", "--publish-anyway"], home)["seconds"]))


def _seconds(work: Iterable[object]) -> float:
    started = time.perf_counter()
    for _ in work:
        pass
    return time.perf_counter() - started


def write_song(path: Path, rng: np.random.Generator, seconds: float) -> None:
    """A few drifting partials and noise."""
    path.parent.mkdir(parents=True, exist_ok=True)
    at = np.arange(round(seconds * RATE)) / RATE
    partials = [np.sin(2 * np.pi * f * at * (1 + 0.01 * np.sin(at))) for f in rng.uniform(80, 3_000, 5)]
    wave = np.sum(partials, axis=0) * 0.1 + 0.01 * rng.normal(size=at.size)
    both = np.stack([wave, wave], axis=1)
    # libsndfile's Vorbis encoder takes a stack of the size of what it is given at once: minutes overflow it.
    with soundfile.SoundFile(path, "w", RATE, channels=2) as file:
        for begin in range(0, len(both), _BLOCK):
            file.write(both[begin : begin + _BLOCK])


def _night(name: str, arguments: list[str], home: Path) -> dict[str, object]:
    started = time.perf_counter()
    said, used = _measured([*arguments, "--home", str(home), "--json"])
    seconds = round(time.perf_counter() - started, 2)
    record = json.loads(said.splitlines()[-1])
    # Of the command alone, in kB on Linux; processes that open files or build the index have their own.
    cost = {"processor_s": round(used.ru_utime + used.ru_stime, 2), "peak_mb": used.ru_maxrss // 1024}
    counts = {k: record[k] for k in ("tracks", "embedded", "unchanged", "upserted")}
    return {"night": name, "seconds": seconds} | cost | counts


def _call(arguments: list[str]) -> str:
    return _measured(arguments)[0]


def _measured(arguments: list[str]) -> tuple[str, resource.struct_rusage]:
    """What the command prints, and what its process used, those that it waited for included."""
    command = [sys.executable, "-m", "simsong_pipeline.cli.main", *arguments]
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
        process = subprocess.Popen(command, stdout=out, stderr=err)
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        for file in (out, err):
            file.seek(0)
        if process.returncode != 0:
            raise SystemExit(f"{' '.join(arguments)} failed:\n{err.read()}")
        return out.read(), used


if __name__ == "__main__":
    main()
