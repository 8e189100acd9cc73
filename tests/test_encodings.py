"""Text whose encoding is not stated: each language's lyrics in the encodings that people saved them in."""

import os

import pytest

from simsong_pipeline.sources.encodings import UndecodableError, decoded, mended, readings

VERSES = {
    "gb18030": "春天的花开在山坡上\n我想念远方的你\n夜里听见河水的声音",
    "big5": "春天的花開在山坡上\n我想念遠方的你\n夜裡聽見河水的聲音",
    "cp932": "春の花が丘に咲いた\n遠くの君を思う\n夜の川の音が聞こえる",
    "euc_jp": "春の花が丘に咲いた\n遠くの君を思う\n夜の川の音が聞こえる",
    "euc_kr": "봄꽃이 언덕에 피었네\n멀리 있는 너를 생각해\n밤에는 강물 소리가 들려",
    "cp1251": "Весенние цветы на склоне\nЯ думаю о тебе вдали\nНочью слышен голос реки",
    "koi8_r": "Весенние цветы на склоне\nЯ думаю о тебе вдали\nНочью слышен голос реки",
    "cp1252": "Tonight’s the river … and you\nI’ll say “wait” – and wait",
    "cp1250": "Wiosną kwiaty są na zboczu\nmyślę o tobie z daleka\nw nocy słychać rzekę",
    "cp1253": "Την άνοιξη ανθίζουν τα λουλούδια\nσε σκέφτομαι από μακριά",
    "cp1254": "İlkbaharda çiçekler açar\nuzaktan seni düşünüyorum\nırmağın sesi gecede",
}


# Other encodings of these languages, and other languages.
OTHERS = [
    ("mac_cyrillic", "Весенние цветы на склоне\nЯ думаю о тебе вдали\nНочью слышен голос реки"),
    ("iso8859_5", "Весенние цветы на склоне\nЯ думаю о тебе вдали\nНочью слышен голос реки"),
    ("cp866", "Весенние цветы на склоне\nЯ думаю о тебе вдали\nНочью слышен голос реки"),
    ("koi8_u", "Весняні квіти на схилі\nЯ думаю про тебе здалеку\nВночі чути голос ріки"),
    ("cp1251", "Весняні квіти на схилі\nЯ думаю про тебе здалеку\nВночі чути голос ріки"),
    ("cp1256", "أزهار الربيع على التل\nأفكر فيك من بعيد\nفي الليل نسمع صوت النهر"),
    ("cp874", "ดอกไม้บานบนเนินเขา\nฉันคิดถึงเธอจากที่ไกล\nกลางคืนได้ยินเสียงแม่น้ำ"),
    ("cp1255", "פרחי אביב על הגבעה\nאני חושב עליך מרחוק\nבלילה שומעים את הנהר"),
    ("iso8859_7", "Την άνοιξη ανθίζουν τα λουλούδια\nσε σκέφτομαι από μακριά"),
    ("iso8859_2", "Wiosną kwiaty są na zboczu\nmyślę o tobie z daleka\nw nocy słychać rzekę"),
    ("iso8859_2", "Jarní květy na svahu\nmyslím na tebe z dálky\nv noci je slyšet řeku šumět"),
    ("cp1250", "Jarní květy na svahu\nmyslím na tebe z dálky\nv noci je slyšet řeku šumět"),
    ("mac_roman", "Frühling blüht über den Hügeln\nich höre nachts den Fluß\nund träume süß"),
    ("cp850", "Frühling blüht über den Hügeln\nich höre nachts den Fluß\nund träume süß"),
    ("cp1252", "Frühling blüht über den Hügeln\nich höre nachts den Fluß\nund träume süß"),
    ("mac_roman", "La forêt était près de l’été\nça m’a rêvé déjà"),
    ("cp1252", "¿Mañana oirás el río?\nla canción de la montaña"),
    ("iso2022_jp", VERSES["cp932"]),
    ("iso2022_kr", VERSES["euc_kr"]),
    ("hz", VERSES["gb18030"]),
]


@pytest.mark.parametrize(("encoding", "verse"), OTHERS)
@pytest.mark.parametrize("lines", [1, 3])
def test_verses_are_read_in_rarer_encodings(encoding: str, verse: str, lines: int) -> None:
    text = "\n".join(f"[00:0{n}.50]{line}" for n, line in enumerate(verse.split("\n")[:lines]))
    assert decoded(text.encode(encoding)) == text


def test_brackets_and_waves_of_plain_text_are_no_other_encoding() -> None:
    text = "oh ~{wave~} and ~{hello there~}\n"
    assert decoded(text.encode()) == text


@pytest.mark.parametrize("encoding", VERSES)
@pytest.mark.parametrize("lines", [1, 3])
@pytest.mark.parametrize("before", ["", "[ar:Some Band]\n[ti:A Song]\n"])
def test_verses_are_read_in_the_encodings_from_before_unicode(encoding: str, lines: int, before: str) -> None:
    text = before + "\n".join(f"[00:0{n}.50]{line}" for n, line in enumerate(VERSES[encoding].split("\n")[:lines]))
    assert decoded(text.encode(encoding)) == text


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"])
@pytest.mark.parametrize("verse", ["gb18030", "cp1251", "cp1252", "euc_kr"])
def test_unicode_is_read_with_and_without_its_mark(encoding: str, verse: str) -> None:
    text = f"[00:01.00]{VERSES[verse]}\n"
    assert decoded(text.encode(encoding)) == text


@pytest.mark.parametrize("size", [200, 4_000])
def test_bytes_that_are_no_text_are_refused(size: int) -> None:
    with pytest.raises(UndecodableError, match="save it as UTF-8"):
        decoded(b"\x00\x01\x8d" + os.urandom(size))


@pytest.mark.parametrize("verse", ["gb18030", "cp932", "cp1251", "cp1252", "cp1250", "euc_kr"])
def test_utf_8_that_was_taken_for_latin_1_and_saved_is_mended(verse: str) -> None:
    text = VERSES[verse]
    assert mended(text.encode().decode("latin-1")) == text


@pytest.mark.parametrize("verse", ["gb18030", "cp1251", "cp932"])
def test_old_encodings_that_were_taken_for_latin_1_as_in_old_tags_are_mended(verse: str) -> None:
    text = VERSES[verse]
    assert mended(text.encode(verse).decode("latin-1")) == text


@pytest.mark.parametrize(
    "text", ["Ê ß ÇA VA ÉTÉ", "♪ la la ♪ 😀", "Ngày xưa đã qua rồi em ơi", "สวัสดีครับ", "N*** !!! #1"]
)
def test_sound_text_stays_as_it_is(text: str) -> None:
    assert mended(text) == text


def test_a_line_of_another_file_in_utf_8_does_not_spoil_the_rest() -> None:
    content = "Déjà vu, très près\nça va\n".encode() + "Größe’s\n".encode("cp1252")
    assert decoded(content) == "Déjà vu, très près\nça va\nGröße’s\n"


def test_a_character_that_is_cut_at_the_end_is_left_out() -> None:
    assert decoded("äöü€".encode()[:-1]) == "äöü"


def test_what_a_list_of_names_may_say_contains_what_it_says() -> None:
    text = "Ærø/Über – “x”….mp3\n"
    assert text in readings(text.encode("cp1252"))
