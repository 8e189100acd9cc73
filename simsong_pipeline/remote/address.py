"""Addresses of things in an object store, and where their local copies lie."""

import ipaddress
import os
import re
from pathlib import Path
from urllib.parse import urlsplit

from simsong_pipeline.files import sha256_of
from simsong_pipeline.redaction import remember_address, without_credentials

_ADDRESS = re.compile(r"[a-z][a-z0-9+.-]+://", re.IGNORECASE)


def is_url(text: str) -> bool:
    """Whether this is an address of an object store and no path: `s3://bucket/home`, `file:///mnt/home`."""
    return _ADDRESS.match(text) is not None


def without_user(url: str) -> str:
    """The address without user and password, which are hidden in everything that is said from now on."""
    scheme, mark, rest = url.partition("://")
    place, slash, path = rest.partition("/")
    if "@" not in place:
        return url
    remember_address(url)
    return f"{scheme}{mark}{place.rpartition('@')[2]}{slash}{path}"


def shown(url: str) -> str:
    """An address for messages."""
    without_user(url)
    return without_credentials(url)


def suffix_of(url: str) -> str:
    """The suffix of the object's name: `.flac`."""
    return Path(urlsplit(url).path).suffix


def copies_folder(url: str) -> Path:
    """Where local copies of a home lie: below `SIMSONG_CACHE`, else `simsong/homes` in the user's cache."""
    named, cache = os.environ.get("SIMSONG_CACHE"), os.environ.get("XDG_CACHE_HOME")
    root = Path(named) if named else (Path(cache) if cache else Path.home() / ".cache") / "simsong" / "homes"
    return root / sha256_of(without_user(url).rstrip("/"))[:16]


def is_loopback(host: str) -> bool:
    """Whether an address is this machine's alone."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
