"""What a manifest's entries mean: files near it, and objects at addresses."""

import posixpath
from pathlib import Path

from simsong_pipeline.remote.address import is_url
from simsong_pipeline.sources.path_spelling import FileFinder, is_elsewhere


class Places:
    """Finds what the rows of a manifest name.

    Args:
        manifest: a file, or its address; relative entries count from its folder.
    """

    def __init__(self, manifest: Path | str) -> None:
        self._base = None if isinstance(manifest, Path) else manifest.rpartition("/")[0]
        folder = Path("/") if self._base is not None else Path(manifest).resolve().parent
        self._files = FileFinder([folder] if self._base is not None else [folder, folder.parent])

    def find(self, written: str) -> str | None:
        """Path of the file, or null where there is none; an address as it is, whatever lies there."""
        address = self._address(written)
        if address is not None:
            return address
        file = self._files.find(written)
        return None if file is None else str(file)

    def expected(self, written: str) -> str:
        """Where it would be if it were there."""
        return self._address(written) or str(self._files.expected(written))

    def _address(self, written: str) -> str | None:
        bare = written.strip()
        if is_elsewhere(bare) or (self._base is not None and is_url(bare)):
            return bare
        if self._base is None or bare.startswith("/"):
            return None
        scheme, mark, rest = self._base.partition("://")
        return f"{scheme}{mark}{posixpath.normpath(posixpath.join(rest or '/', bare.replace(chr(92), '/')))}"
