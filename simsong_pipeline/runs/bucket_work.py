"""The work of some buckets alone: what several machines over one home share out among themselves.

A worker decodes and hears the recordings of its buckets and writes their files, which the next run takes over. It holds
these buckets and nothing else of the home, so that others may work on theirs at the same time; what is of the whole
catalogue (copies, splits, lyrics, vectors, the index) is left to that run.
"""

from collections.abc import Collection
from dataclasses import dataclass

from simsong_pipeline.engines.opening import opened_engine
from simsong_pipeline.home.run import Run
from simsong_pipeline.sources.cataloguing import catalogued
from simsong_pipeline.stages.catalogue_stages import audio_tasks
from simsong_pipeline.stages.hearing_work import hear_all, hearing_of


@dataclass(frozen=True)
class BucketWork:
    """What a worker did.

    Attributes:
        songs: recordings in its buckets.
        decoded: those that were new or changed.
        usable: those that can be embedded.
    """

    buckets: list[int]
    songs: int
    decoded: int
    usable: int


def hear_buckets(run: Run, buckets: Collection[int]) -> BucketWork:
    """Decode and hear what is new or changed in the buckets. A music folder's are those of its last scan.

    Raises:
        RawDataError: no raw data, or a music folder that was never scanned.
        BusyError: another process works on one of the buckets, and went on working.
    """
    run.events.stage("reading raw data")
    tracks = catalogued(run.source, run.source.tracks(run.events.progress), run.config.catalogue).tracks
    tasks = audio_tasks(tracks, run.source.recordings(run.events.progress))
    known = run.workspace.buckets
    own = [task for task in tasks if known.of(task.track_id) in buckets]
    run.events.stage("decoding audio")
    with opened_engine(run.config, run.events.note) as engine:
        function = hearing_of(run.workspace, run.config)
        heard = hear_all(function, engine, own, sorted(buckets), run.events.progress)
    return BucketWork(sorted(buckets), len(own), heard.decoded, heard.segment_features.height)
