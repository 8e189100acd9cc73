"""How many buckets a home keeps its features and wide frames in: `buckets.json`; 64 where there is none.

A split writes the files of twice as many beside those that are there, and this file decides which of both are the
home's. So it also names the other number while files of that may lie beside the home's own.
"""

from dataclasses import dataclass
from pathlib import Path

from pydantic import TypeAdapter

from simsong_pipeline.buckets import USUAL, Buckets
from simsong_pipeline.errors import RawDataError, SimSongError
from simsong_pipeline.files import read_json_object, write_json
from simsong_pipeline.home.bucketed_frame import MANIFEST


@dataclass(frozen=True)
class _Said:
    """The number, and that of a split which is not complete."""

    buckets: int
    beside: int | None = None


_SAID = TypeAdapter(_Said)


@dataclass(frozen=True)
class BucketNumber:
    """The number of the home that lies in a folder."""

    home: Path

    @property
    def path(self) -> Path:
        """The file that says it."""
        return self.home / "buckets.json"

    def present(self) -> Buckets:
        """What the home's files are named and found by.

        Raises:
            RawDataError: the file is damaged.
        """
        return Buckets(self._said().buckets)

    def beside(self) -> Buckets | None:
        """Files of this number may lie beside: twice as many before a split is decided, half as many after it."""
        other = self._said().beside
        return None if other is None else Buckets(other)

    def put(self, buckets: Buckets, beside: Buckets | None = None) -> None:
        """From now on the home has so many; call under its lock."""
        other = {} if beside is None else {"beside": beside.count}
        write_json(self.path, {"buckets": buckets.count, **other})

    def is_needed(self) -> bool:
        """Whether the home holds anything in buckets yet."""
        return any((self.home / "features").glob("bucket-*")) or bool(self.manifests())

    def manifests(self) -> list[Path]:
        """Of all frames in buckets: those of a run, and what collections hold."""
        found = (self.home / part for part in ("frames", "published"))
        return sorted(path for folder in found for path in folder.glob(f"**/{MANIFEST}"))

    def refuse_other(self, wanted: Buckets) -> None:
        """Stop where the home has another number.

        Raises:
            SimSongError: saying how it gets that one.
        """
        present = self.present()
        if wanted.count > present.count:
            raise SimSongError(
                f"{self.home} is kept in {present.count} buckets, and {wanted.count} are asked for: leave the number "
                f"out, or split the buckets into twice as many, `simsong split --home {self.home}`"
            )
        if wanted.count < present.count:
            raise SimSongError(
                f"{self.home} is kept in {present.count} buckets, and {wanted.count} are asked for: leave the number "
                "out; `simsong split` makes them more, and nothing makes them fewer"
            )

    def _said(self) -> _Said:
        if not self.path.is_file():
            return _Said(USUAL.count)
        try:
            said = _SAID.validate_python(read_json_object(self.path))
            Buckets(said.buckets)
            if said.beside is not None and 2 * said.buckets != said.beside != said.buckets / 2:
                raise ValueError(f"{said.beside} is neither twice nor half of {said.buckets}")
        except (OSError, ValueError) as error:
            raise RawDataError(
                f'{self.path} is damaged: put {{"buckets": 64}} into it, in place of 64 the number that names '
                f"in {self.home / 'features'} end with, if they do"
            ) from error
        return said
