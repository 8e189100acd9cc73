"""The one list of commands of documents that no test runs as they stand, with what it would take and what is done.

Everything else in a `sh` block is run by `test_commands_of_documents.py`. A command belongs here only if no machine of
the tests can run it; that it takes long or is laborious is no reason.
"""

import shlex
from dataclasses import dataclass

from documents import Written


@dataclass(frozen=True)
class Reason:
    """Why a command is not run.

    Attributes:
        lacks: what it needs that is not there.
        instead: the files that look at it as far as it goes without.
    """

    lacks: str
    instead: tuple[str, ...]


_NO_DAEMON = Reason(
    "a Docker daemon, and base images from a registry; it ran by hand, and what it runs in a container runs here",
    ("tests/test_deploy_documents.py", "tests/test_deploy_compose.py", "tests/test_stack.py"),
)
_NO_CLUSTER = Reason(
    "a cluster; its folder is rendered by the real kubectl, and what it runs inside of a pod is run without one",
    ("tests/test_deploy_documents.py", "tests/test_deploy_kubernetes.py"),
)
_NO_INDEX = Reason(
    "an index that has the project, which is in none yet, and gigabytes of packages beside those of the tests",
    ("tests/test_documents.py", "tests/test_release.py"),
)
# By how a command begins.
NOT_RUN = {
    "make test": Reason("to be run by itself without end: it is what runs the tests", (".ci/run",)),
    "make release": Reason(
        "a network, for an environment of its own with all packages; its parts are run", ("tests/test_release.py",)
    ),
    "pip install": _NO_INDEX,
    "pip uninstall": Reason(
        "an environment to spoil: it would take a package from the tests", ("tests/test_runbook.py",)
    ),
    "docker compose": _NO_DAEMON,
    "docker buildx": Reason("a Docker daemon, and a registry", ("tests/test_deploy_images.py",)),
    "kubectl apply": _NO_CLUSTER,
    "kubectl -n simsong exec": _NO_CLUSTER,
    "helm": Reason(
        "helm, the charts of others and a cluster",
        ("tests/test_deploy_documents.py", "tests/test_deploy_charts.py"),
    ),
}
# Those that another test runs as they stand, with a server of theirs that has to come up.
ELSEWHERE = {"make dagster": "tests/test_dagster_servers.py"}


def beginning(written: Written, of: dict[str, object] | dict[str, Reason] | dict[str, str]) -> str | None:
    """The entry of a list that a command begins like, null for none."""
    words = list(written.words)
    return next((entry for entry in of if words[: len(shlex.split(entry))] == shlex.split(entry)), None)


def is_run(written: Written) -> bool:
    """Whether the tests of the documents run it."""
    return beginning(written, NOT_RUN) is None and beginning(written, ELSEWHERE) is None


def inside(written: Written) -> Written | None:
    """What a command of Docker or kubectl runs inside of a container, null for none."""
    words = list(written.words)
    if words[0] == "docker" and {"run", "exec"} & set(words):
        at = next(n for n, word in enumerate(words) if word in ("run", "exec")) + 1
        while words[at].startswith("-"):
            at += 1
        return Written(written.document, tuple(words[at + 1 :]))
    if words[0] == "kubectl" and "--" in words:
        return Written(written.document, tuple(words[words.index("--") + 1 :]))
    return None
