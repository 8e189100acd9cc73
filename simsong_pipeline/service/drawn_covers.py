"""A cover for a song or album that has none: a pattern that its id decides, with its initials. Plain SVG."""

import hashlib
from html import escape

_SIZE = 300


def drawn_cover(identity: str, name: str) -> bytes:
    """An SVG, the same for the same id and name."""
    seed = hashlib.sha256(identity.encode()).digest()
    hue = seed[0] * 360 // 256
    shapes = "".join(_circle(seed[i : i + 4], hue) for i in range(1, 21, 4))
    letters = escape(initials(name))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_SIZE} {_SIZE}" width="{_SIZE}" height="{_SIZE}">'
        f'<rect width="{_SIZE}" height="{_SIZE}" fill="hsl({hue} 45% 32%)"/>{shapes}'
        f'<text x="150" y="158" font-family="sans-serif" font-size="96" font-weight="600" fill="#fff" '
        f'fill-opacity=".9" text-anchor="middle" dominant-baseline="middle">{letters}</text></svg>'
    ).encode()


def _circle(seed: bytes, hue: int) -> str:
    x, y, radius = seed[0] * _SIZE // 255, seed[1] * _SIZE // 255, 30 + seed[2] * 110 // 255
    turned = (hue + 30 + seed[3] * 120 // 255) % 360
    return f'<circle cx="{x}" cy="{y}" r="{radius}" fill="hsl({turned} 60% 50%)" fill-opacity=".45"/>'


def initials(name: str) -> str:
    """The first letters of the first two words; a note where there are none."""
    words = [word for word in ("".join(c if c.isalnum() else " " for c in part) for part in name.split())]
    letters = [word.strip()[0].upper() for word in words if word.strip()]
    return "".join(letters[:2]) or "♪"
