"""How a copy of a recording is named as a reason, and read back from one."""

COPY = "the same recording as "
SAME_FILE = "the same file content as "
_DIFFERENCE = " ("


def copy_reason(path: str, bit_error: float) -> str:
    """Why a recording is left out: the path of the one that is kept, and how much of the fingerprint differs."""
    return f"{COPY}{path}{_DIFFERENCE}{bit_error:.0%} of the fingerprint differs)"


def copied_from(reason: str | None) -> str | None:
    """The path of the recording that a copy's reason names; null for any other reason."""
    if reason is None or not reason.startswith(COPY):
        return None
    return reason.removeprefix(COPY).rpartition(_DIFFERENCE)[0]
