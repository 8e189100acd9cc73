"""What the last complete run read and left: a night that finds all of it again has nothing to do.

Paths with size and time of change are compared, of the raw data and of the home's own files, the configuration, and the
index by its aliases and counts. Whether the index holds what it should, song by song, is a question for `verify`.
"""

import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import polars as pl
from pydantic import TypeAdapter, ValidationError

from simsong_pipeline.audio.feature_format import keeps_frames
from simsong_pipeline.config import NOT_REMEMBERED, VARIANTS
from simsong_pipeline.errors import UNREAD
from simsong_pipeline.files import read_json_object, sha256_of, write_json
from simsong_pipeline.home.index_names import alias_name
from simsong_pipeline.home.run import Run
from simsong_pipeline.lyrics.model_version import model_name
from simsong_pipeline.runs.summary import RunSummary
from simsong_pipeline.sources.library.file_states import PASSING
from simsong_pipeline.sources.listing import tree_states
from simsong_pipeline.stages.published import program_version
from simsong_pipeline.stages.publishing import refuse_unproven
from simsong_pipeline.stores.address import server_url
from simsong_pipeline.stores.opening import Store

_LISTING = "listing"
# Collection and number of songs behind each alias.
Served = dict[str, tuple[str, int]]
# Of the home: what a run reads to know that a song did not change, and what it would make anew if it were gone.
_OWN = ("frames", "features", "models")


@dataclass(frozen=True)
class Ledger:
    """The state after a run.

    Attributes:
        inputs: hash of what the songs depend on besides the raw data's files.
        own: hash of the states of the home's files.
        versions: of the model that each variant's songs are indexed by.
        served: collection and number of songs behind each alias.
        index: hash of the states of an embedded index's files; empty for a server.
    """

    inputs: str
    own: str
    versions: dict[str, str]
    served: Served
    index: str
    summary: RunSummary


_LEDGERS = TypeAdapter(Ledger)


def listed(run: Run) -> pl.DataFrame:
    """What the raw data consist of now; to be asked before anything of them is read."""
    return run.source.listing(run.workspace.read_if_there(_LISTING))


def unchanged(run: Run, listing: pl.DataFrame) -> RunSummary | None:
    """What a run would do, if that is nothing; null where something changed, or may have.

    Raises:
        UnprovenError: the songs are indexed, and should not be without being asked for.
    """
    ledger = _read(run.workspace.home)
    if ledger is None or ledger.inputs != _inputs(run) or ledger.own != _own(run.workspace.home):
        return None
    before = run.workspace.read_if_there(_LISTING)
    if before is None or not before.equals(listing):
        return None
    if not run.wishes.publish_anyway:
        for variant in VARIANTS:
            refuse_unproven(run.workspace, variant, ledger.versions[variant])
    # An embedded index whose files are as they were was counted then; questions may have touched them since.
    if not ledger.index or ledger.index != _index(run):
        served, index = _counted(run)
        if served != ledger.served:
            return None
        _write(run.workspace.home, replace(ledger, index=index))
    known = ledger.summary
    return replace(known, embedded=0, unchanged=known.embedded + known.unchanged, upserted=0, seconds=0.0)


def settle(run: Run, listing: pl.DataFrame, versions: dict[str, str], served: Served, summary: RunSummary) -> bool:
    """Write down the state after a run, if the next one has nothing to try again; whether it has not.

    Args:
        served: `served_songs`, after the index was written.
    """
    home = run.workspace.home
    if _has_passing_trouble(run) or _has_unheard_songs(run):
        _path(home).unlink(missing_ok=True)
        return False
    run.workspace.write(_LISTING, listing)
    index = _index(run)
    _write(home, Ledger(_inputs(run), _own(home), versions, served, index, summary))
    return True


def is_of(home: Path) -> bool:
    """Whether the home's files are those that the ledger was written for."""
    ledger = _read(home)
    return ledger is not None and ledger.own == _own(home)


def take_over(home: Path) -> None:
    """Write the ledger for the home's files as they are now: they hold what they held, in other files."""
    ledger = _read(home)
    if ledger is not None:
        _write(home, replace(ledger, own=_own(home)))


def _path(home: Path) -> Path:
    return home / "ledger.json"


def _read(home: Path) -> Ledger | None:
    """Null as well where it is damaged: then everything is looked at, which is what it is there to save."""
    try:
        return _LEDGERS.validate_python(read_json_object(_path(home)))
    except (FileNotFoundError, ValueError, ValidationError):
        return None


def _write(home: Path, ledger: Ledger) -> None:
    write_json(_path(home), asdict(ledger))


def _counted(run: Run) -> tuple[Served, str]:
    """`served` and `index` of the present index."""
    with run.workspace.store(run.config.store) as store:
        served = served_songs(run, store)
    return served, _index(run)


def _index(run: Run) -> str:
    """Of the files as they are while nobody has them open."""
    if server_url(run.config.store) is not None:
        return ""
    return _states(run.workspace.home, ("qdrant", "edge"))


def served_songs(run: Run, store: Store) -> Served:
    """Collection and number of songs behind each alias that a run moves."""
    aliases, present = store.aliases(), set(store.collections())
    wanted = {alias_name(variant, run.config) for variant in VARIANTS} | {run.config.store.collection}
    names = {alias: aliases[alias] for alias in sorted(wanted & aliases.keys()) if aliases[alias] in present}
    counts = {name: store.count(name) for name in {*names.values()}}
    return {alias: (name, counts[name]) for alias, name in names.items()}


def _has_passing_trouble(run: Run) -> bool:
    """Whether a file could not be read that may be readable the next time, without any sign of it."""
    for name in ("audio", "library_files", "manifest_files"):
        frame = run.workspace.read_if_there(name)
        if frame is not None:
            reasons = frame["reason"].drop_nulls()
            if any(reasons.str.starts_with(begin).any() for begin in (UNREAD, *PASSING)):
                return True
    return False


def _has_unheard_songs(run: Run) -> bool:
    """Whether a song has no vector of its present state, because it could not be heard again."""
    if not keeps_frames(run.config):
        return False
    # Imported here because they load what embeds, which a night of nothing does without.
    from simsong_pipeline.stages.embedding_stage import song_hashes
    from simsong_pipeline.stages.stored_vectors import stored_vectors

    hashes = song_hashes(run, run.workspace.read("segment_features"), run.workspace.read("lyric_embeddings"))
    stored = [stored_vectors(run.workspace, variant) for variant in VARIANTS]
    present = [s.states.join(hashes, on=["track_id", "content_hash"], how="semi") for s in stored if s is not None]
    return any(states.height != hashes.height for states in present)


def _inputs(run: Run) -> str:
    """Hash of configuration, source, lyric model and the program itself."""
    model = Path(model_name(run.config.lyrics))
    config = run.config.model_dump_json(exclude={**NOT_REMEMBERED, "engine": True})
    return sha256_of(config, run.source.config.model_dump_json(), sorted(tree_states(model)), program_version())


def _own(home: Path) -> str:
    """Hash of the states of the home's files."""
    return _states(home, _OWN)


def _states(home: Path, parts: Sequence[str]) -> str:
    states = [state for part in parts for state in sorted(tree_states(home / part))]
    return sha256_of([(os.path.relpath(path, home), size, modified) for path, size, modified, _ in states])
