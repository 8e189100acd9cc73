"""musiXmatch's bags of words and the tree of fetched pages."""

import io
import json
from pathlib import Path

import pytest

from simsong_pipeline.errors import RawDataError
from simsong_pipeline.home.workspace import Workspace
from simsong_pipeline.lyrics.frame import build_lyrics
from simsong_pipeline.providers.raw_source import source_of_tracks
from simsong_pipeline.sources.lyric_tree import read_lyric_tree
from simsong_pipeline.sources.musixmatch import lyric_pages, parse_bags, parse_matches

BAGS = "# comment\n%i,the,you\nTR1,77,1:2,3:5\nTR2,78,2:1\n"


def test_bags_name_their_words() -> None:
    rows = parse_bags(io.StringIO(BAGS)).rows()
    assert rows == [("TR1", "77", "i", 2), ("TR1", "77", "you", 5), ("TR2", "78", "the", 1)]


def test_bag_becomes_words_by_frequency() -> None:
    pages = lyric_pages(io.StringIO(BAGS))
    assert pages.filter(track_id="TR1")["text"].to_list() == ["you you you you you i i"]


@pytest.mark.parametrize("line", ["TR1,77,9:1", "TR1,77,1:x", "TR1,77,1"])
def test_malformed_bag_is_named(line: str) -> None:
    with pytest.raises(RawDataError, match="line 2: not a bag of words"):
        parse_bags(io.StringIO(f"%a,b\n{line}\n"))


def test_genuine_bags_are_parsed(shared: Path) -> None:
    with (shared / "musixmatch/mxm_dataset_test.head.txt").open(encoding="utf-8") as handle:
        bags = parse_bags(handle)
    assert bags["track_id"].str.contains(r"^TR\w{16}$").all()
    assert bags["word"].str.len_chars().min() >= 1


def test_genuine_matches_are_parsed(shared: Path) -> None:
    with (shared / "musixmatch/mxm_779k_matches.head.txt").open(encoding="utf-8") as handle:
        matches = parse_matches(handle)
    assert matches.filter(track_id="TRQIDYC128F427EA09")["mxm_id"].to_list() == ["6255009"]


def test_file_that_is_no_record_becomes_a_page_that_says_so(tmp_path: Path) -> None:
    (tmp_path / "TR1.json").write_text("<html>")
    record = {"track_id": "TR2", "provider": "genius", "status": "FOUND", "text": "words"}
    (tmp_path / "TR2.json").write_text(json.dumps(record))
    assert read_lyric_tree(tmp_path)["status"].to_list() == ["UNREADABLE", "FOUND"]


def test_pages_as_programs_and_systems_leave_them(tmp_path: Path) -> None:
    record = {"provider": "genius", "status": "OK"}
    for name, encoding in (("TR1", "utf-8-sig"), ("TR2", "utf-16"), ("TR3", "cp1252")):
        text = json.dumps({"track_id": name, "text": "déjà vu, l’été", **record}, ensure_ascii=False)
        (tmp_path / f"{name}.json").write_bytes(text.encode(encoding))
    half = json.dumps({"track_id": "TR4", "text": "wave HALF wave", **record}).replace("HALF", "\\ud83d")
    (tmp_path / "TR4.json").write_text(half)
    (tmp_path / "TR5.json").write_text("[" * 200_000)
    (tmp_path / "TR6.json").write_text(json.dumps({"track_id": "TR6", "text": "\x00\x01\x02", **record}))
    (tmp_path / "._TR1.json").write_bytes(b"\0\5\x16\7")
    texts = dict(read_lyric_tree(tmp_path).select("track_id", "text").rows())
    said = "déjà vu, l’été"
    assert texts == {"TR1": said, "TR2": said, "TR3": said, "TR4": "wave  wave", "TR5": None, "TR6": None}


def test_a_malformed_bag_costs_that_track_its_lyrics(tmp_path: Path) -> None:
    folder = tmp_path / "raw/musixmatch"
    folder.mkdir(parents=True)
    (tmp_path / "raw/msd").mkdir()
    (folder / "mxm_dataset_train.txt").write_text(
        "\ufeff%sea,wave\nTR1,77,1:2\nTR2,78,9:1\nTR3,79,2:1\n", encoding="utf-8"
    )
    pages = source_of_tracks(Workspace(tmp_path / "home"), tmp_path / "raw").lyric_pages()
    lyrics = build_lyrics(pages.select("track_id"), [pages]).sort("track_id")
    assert lyrics["reason"][1].startswith(str(folder / "mxm_dataset_train.txt") + ", line 3: not a bag of words")
    assert pages.sort("track_id")["text"].to_list() == ["sea sea", None, "wave"]
