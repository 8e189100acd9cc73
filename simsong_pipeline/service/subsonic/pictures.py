"""Pictures as players show them: no larger than they ask for, and in points where one is drawn, for few show SVG."""

import hashlib
from io import BytesIO

from PIL import Image, ImageDraw, ImageFont

from simsong_pipeline.service.drawn_covers import initials

USUAL, LARGEST, _SMALLEST = 300, 1_200, 16
_FORMATS = ("JPEG", "PNG", "GIF", "WEBP")
# More are not opened: a small file may hold a picture that fills the memory.
_MOST_POINTS = 50_000_000
_UNREADABLE = (OSError, ValueError, SyntaxError, Image.DecompressionBombError, Image.DecompressionBombWarning)


def fitted(data: bytes, size: int) -> tuple[str, bytes] | None:
    """Media type and bytes of a picture whose longer side has at most `size` points.

    Null where it is no larger than that, or cannot be read.
    """
    try:
        with Image.open(BytesIO(data), formats=_FORMATS) as picture:
            if max(picture.size) <= size or picture.width * picture.height > _MOST_POINTS:
                return None
            picture.draft("RGB", (size, size))
            has_alpha = picture.has_transparency_data
            small = picture.convert("RGBA" if has_alpha else "RGB")
    except _UNREADABLE:
        return None
    small.thumbnail((size, size))
    return ("image/png", _saved(small, "PNG")) if has_alpha else ("image/jpeg", _saved(small, "JPEG"))


def drawn(identity: str, name: str, size: int) -> bytes:
    """A PNG of `size` times `size` points, the same for the same id and name, with initials where the font has them."""
    size = min(max(size, _SMALLEST), LARGEST)
    seed = hashlib.sha256(identity.encode()).digest()
    hue = seed[0] * 360 // 256
    picture = Image.new("RGB", (size, size), f"hsl({hue},45%,32%)")
    for i in range(1, 21, 4):
        _add_circle(picture, seed[i : i + 4], hue)
    letters = initials(name)
    if letters.isascii():
        font = ImageFont.load_default(size * 0.32)
        ImageDraw.Draw(picture).text((size / 2, size / 2), letters, "white", font, anchor="mm")
    return _saved(picture, "PNG")


def _add_circle(picture: Image.Image, seed: bytes, hue: int) -> None:
    """One that what lies below shows through."""
    size = picture.width
    x, y, radius = seed[0] * size / 255, seed[1] * size / 255, size * (0.1 + seed[2] * 0.37 / 255)
    turned = (hue + 30 + seed[3] * 120 // 255) % 360
    mask = Image.new("L", picture.size)
    ImageDraw.Draw(mask).ellipse((x - radius, y - radius, x + radius, y + radius), fill=115)
    picture.paste(Image.new("RGB", picture.size, f"hsl({turned},60%,50%)"), mask=mask)


def _saved(picture: Image.Image, kind: str) -> bytes:
    file = BytesIO()
    picture.save(file, kind)
    return file.getvalue()
