"""What a library looks things up by: folded columns, words that are only begun, ids; each beside a slow reference."""

import string

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simsong_pipeline.asking import id_rows
from simsong_pipeline.asking.finding import folded
from simsong_pipeline.asking.id_rows import IdRows
from simsong_pipeline.service.folding import folded_column
from simsong_pipeline.service.word_index import WordIndex

_NAMES = st.one_of(st.text(max_size=12), st.text(string.printable, max_size=12))


@settings(max_examples=150, deadline=None)
@given(st.lists(st.one_of(st.none(), _NAMES), min_size=1, max_size=8))
def test_columns_are_folded_as_single_names_are(names: list[str | None]) -> None:
    column = pl.Series([None if n is None else n.encode("utf-8", "ignore").decode() for n in names], dtype=pl.String)
    assert folded_column(column).to_list() == [folded(name or "") for name in column.to_list()]


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.lists(st.text("abc", min_size=1, max_size=3), max_size=4), min_size=1, max_size=12),
    st.lists(st.text("abc", min_size=1, max_size=3), max_size=3),
)
def test_rows_are_those_that_have_a_word_beginning_with_each_asked(rows: list[list[str]], asked: list[str]) -> None:
    titles, artists = [" ".join(words[:2]) for words in rows], [" ".join(words[2:]) for words in rows]
    index = WordIndex.of([pl.Series(titles, dtype=pl.String), pl.Series(artists, dtype=pl.String)])
    wanted = [n for n, words in enumerate(rows) if all(any(w.startswith(a) for w in words) for a in asked)]
    assert index.rows(" ".join(asked)).tolist() == wanted


def test_words_beyond_the_last_letter_are_found() -> None:
    index = WordIndex.of([pl.Series(["zebra", "z", "\U0010fffe"])])
    assert index.rows("z").tolist() == [0, 1]
    assert index.rows("\U0010fffe").tolist() == [2]


@pytest.mark.parametrize("few", [0, 1_000])
@pytest.mark.parametrize("count", [1, 2, 1_000])
def test_ids_are_found_in_their_rows_and_no_others(count: int, few: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(id_rows, "_FEW", few)
    names = [f"T{n:04d}" for n in np.random.default_rng(count).permutation(count)]
    ids = IdRows(pl.Series(names))
    assert ids.rows([*names, "T", ""]) == [*range(count), None, None]
    assert names[-1] in ids
    assert "other" not in ids
    assert ids[names[0]] == 0
    with pytest.raises(KeyError):
        ids["other"]
