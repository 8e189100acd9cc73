"""Hashes of large files outside of the home, as a model of lyrics: one that did not change is not read again."""

from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from simsong_pipeline.files import read_json_object, sha256_of_file, write_json

# Size in bytes, time of change in ns, SHA-256.
_Known = tuple[int, int, str]
_KNOWN = TypeAdapter(dict[str, _Known])


class KnownHashes:
    """See `sha256_of_file`.

    Args:
        path: the file that remembers; where it is damaged, everything is read again.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def of(self, file: Path) -> str:
        """Hex SHA-256 of the bytes of `file`."""
        stat, known = file.stat(), self._read()
        size, changed, digest = known.get(str(file), (-1, -1, ""))
        if (size, changed) != (stat.st_size, stat.st_mtime_ns):
            digest = sha256_of_file(file)
            write_json(self._path, known | {str(file): (stat.st_size, stat.st_mtime_ns, digest)})
        return digest

    def _read(self) -> dict[str, _Known]:
        try:
            return _KNOWN.validate_python(read_json_object(self._path))
        except (FileNotFoundError, ValueError, ValidationError):
            return {}
