"""The benchmark of the body starts, and measures each part at each size."""

from collections.abc import Iterator

import pytest
import torch

from benchmarks.body import main
from simsong_pipeline.home.model_cache import MusicnnFiles


@pytest.fixture(autouse=True)
def threads_as_before() -> Iterator[None]:
    """The benchmark runs on one thread; what is trained after it in this process would differ in its last bits."""
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


def test_each_part_is_measured_at_each_size(musicnn_files: MusicnnFiles, capsys: pytest.CaptureFixture[str]) -> None:
    main(["--body", "mtt", "--batches", "1", "2", "--rounds", "1"])
    rows = [line.rsplit(maxsplit=2) for line in capsys.readouterr().out.splitlines()[1:]]
    assert [(name.strip(), size) for name, size, _ in rows] == [
        (part, size) for size in ("1", "2") for part in ("front end", "ONNX Runtime", "torch")
    ]
    assert all(float(ms) > 0 for *_, ms in rows)
