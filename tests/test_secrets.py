"""No key, token or password is ever seen: not by any command, under any fault, in no log and no event."""

import base64
import json
import logging
import sys
import warnings
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from urllib.parse import quote

import dagster as dg
import polars as pl
import pytest
import typer
from loopback import Reply, reply, serve
from watched_night import logging_as_json

from dagster_project.resources import SimSong
from simsong_pipeline.cli import main
from simsong_pipeline.credentials import CredentialError, read_key
from simsong_pipeline.errors import RawDataError, StoreError, first_line
from simsong_pipeline.home.workspace import Workspace
from simsong_pipeline.logs import JsonLines
from simsong_pipeline.redaction import cause, guard_logs, without_credentials, without_secrets
from simsong_pipeline.schemas import CONTRACTS, polars_schema

CANARY = "c4nary"
SECRETS = {
    "QDRANT_API_KEY": f"{CANARY}-qdrant+/k3y=",
    "GENIUS_ACCESS_TOKEN": f"{CANARY}-genius-t0ken",
    "SIMSONG_WEBHOOK_URL": f"http://127.0.0.1:9/services/{CANARY}-hook",
    "SIMSONG_MAIL_TO": "someone@localhost",
    "SIMSONG_SMTP_URL": f"smtp://user:{CANARY}-smtp%40pw@127.0.0.1:9",
    "DAGSTER_PG_URL": f"postgresql://simsong:{CANARY}-pg@127.0.0.1:9/dagster",
    "PGPASSWORD": f"{CANARY}-pgpassword",
    "AWS_SECRET_ACCESS_KEY": f"{CANARY}-s3/secret+key",
    "AWS_SESSION_TOKEN": f"{CANARY}-s3-session==",
}
PASSWORD = f"{CANARY}-url-pw"


@pytest.fixture
def secrets(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """All of them set; what the command changes in this process is undone."""
    for name, value in SECRETS.items():
        monkeypatch.setenv(name, value)
    make, hook = logging.getLogRecordFactory(), sys.excepthook
    yield
    logging.setLogRecordFactory(make)
    sys.excepthook = hook


def _leaks(said: str) -> list[str]:
    """Lines with a canary, plain or in base64 at whatever place of a longer text."""
    forms = [base64.b64encode(s.encode()).decode() for s in (*SECRETS.values(), PASSWORD, f"user:{PASSWORD}")]
    return [line for line in said.splitlines() if any(form in line for form in (CANARY, *forms))]


def _echo(handler: BaseHTTPRequestHandler) -> None:
    """A server that says what it was told, key and all."""
    reply(str(handler.headers), 400, Content_Language="en")(handler)


def _closes(handler: BaseHTTPRequestHandler) -> None:
    handler.close_connection = True


class Always:
    """Answers each question alike."""

    def __init__(self, answer: Reply) -> None:
        self._answer, self.address = answer, ""

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        handler.rfile.read(int(handler.headers.get("Content-Length") or 0))
        self._answer(handler)


FAULTS: dict[str, Reply] = {
    "401": reply("", 401),
    "403": reply("", 403),
    "500": reply("oops", 500),
    "503": reply("", 503),
    "garbage": reply("garbage"),
    "empty object": reply("{}", kind="application/json"),
    "echo": _echo,
    "closes": _closes,
}
# After which `demo`, whose configuration is the default one, asks for a minute.
RETRIED = ("503", "closes")
# Addresses that nothing answers at, or that are none.
ADDRESSES = [
    f"http://user:{PASSWORD}@127.0.0.1:9",
    f"http://user:{PASSWORD}@127.0.0.1:port",
    f"http://user:{PASSWORD}@[::1",
    f"http://user:{PASSWORD}@",
    f"http://user:{PASSWORD}@host name:6333",
    f"http://user:{PASSWORD}\n@127.0.0.1:9",
    f"http://user:{PASSWORD}/#?@127.0.0.1:9",
    f"http://user:{PASSWORD}/word@127.0.0.1:9",
    f"user:{PASSWORD}@127.0.0.1:9",
    f"ftp://user:{PASSWORD}@127.0.0.1:9",
    f"http://127.0.0.1:9/?api-key={PASSWORD}",
]
# What keeps a command from working for minutes, or from asking somebody else.
_APART = {
    "sample": ["--songs", "8", "--artists", "4", "--styles", "2", "--home", "raw/msd/x.h5/no-folder"],
    "models fetch": ["--help"],
    # May go without words, but then only say that they want some.
    "similar": ["x"],
    "about": ["x"],
}


def _commands() -> list[list[str]]:
    """Every command of the app, with a word for each argument that it needs."""
    found = []
    for group, app in [("", main.app), *((g.name, g.typer_instance) for g in main.app.registered_groups)]:
        for command in app.registered_commands:  # type: ignore[union-attr]
            assert command.callback is not None
            name = command.name or command.callback.__name__.replace("_", "-")
            words = [*([str(group)] if group else []), name]
            one = typer.main.get_command_from_info(command, pretty_exceptions_short=True, rich_markup_mode=None)
            needed = ["x" for p in one.params if p.param_type_name == "argument" and p.required]
            found.append([*words, *needed, *_APART.get(" ".join(words), [])])
    return found


@pytest.fixture(scope="module")
def known_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home that commands take for one that was run, without anything in it."""
    home = tmp_path_factory.mktemp("home")
    (home / "raw/msd").mkdir(parents=True)
    (home / "raw/msd/x.h5").write_bytes(b"x")
    (home / "x").mkdir()
    workspace = Workspace(home)
    for name in ("tracks", "audio", "exclusions", "metrics"):
        workspace.write(name, pl.DataFrame(schema=polars_schema(CONTRACTS[name], 1)))
    config = workspace.load_config()
    store = config.store.model_copy(update={"retry_s": 0.0, "timeout_s": 2})
    workspace.save_config(config.model_copy(update={"store": store}))
    return home


def _said_by_all(home: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> str:
    monkeypatch.chdir(home)
    monkeypatch.setenv("SIMSONG_HOME", str(home))
    said = []
    for words in _commands():
        monkeypatch.setattr(sys, "argv", ["simsong", *words])
        with warnings.catch_warnings(), pytest.raises(SystemExit):
            main.main()
        said += [" ".join(words), *capfd.readouterr()]
    return "\n".join(said)


@pytest.mark.usefixtures("secrets")
@pytest.mark.parametrize("fault", [pytest.param(n, marks=pytest.mark.slow) if n in RETRIED else n for n in FAULTS])
def test_no_command_shows_a_secret_under_a_fault_of_the_server(
    fault: str, known_home: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    with serve(Always(FAULTS[fault])) as server:
        monkeypatch.setenv("QDRANT_URL", server.address.replace("http://", f"http://user:{PASSWORD}@"))
        said = _said_by_all(known_home, monkeypatch, capfd)
    assert "similar x" in said
    assert server.address in said
    assert _leaks(said) == []
    assert "Traceback" not in said


@pytest.mark.usefixtures("secrets")
@pytest.mark.parametrize("address", ADDRESSES)
def test_no_command_shows_the_password_of_an_address(
    address: str, known_home: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("QDRANT_URL", address)
    said = _said_by_all(known_home, monkeypatch, capfd)
    assert "similar x" in said
    assert _leaks(said) == []
    assert "Traceback" not in said


BAD_KEYS = [f"{CANARY}{rest}" for rest in (f"-a\n{CANARY}-b", " key", "-kéy", "\x00y", "\x1b[31m", "\rx")]


@pytest.mark.usefixtures("secrets")
@pytest.mark.parametrize("key", BAD_KEYS)
def test_key_that_is_none_is_named_and_never_shown(
    key: str, known_home: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    if "\x00" not in key:  # which no environment holds
        monkeypatch.setenv("QDRANT_API_KEY", key)
        monkeypatch.setenv("QDRANT_URL", "http://127.0.0.1:9")
        said = _said_by_all(known_home, monkeypatch, capfd)
        assert "QDRANT_API_KEY holds characters that no key has" in said
        assert _leaks(said) == []
    with pytest.raises(CredentialError) as caught:
        read_key("QDRANT_API_KEY", {"QDRANT_API_KEY": key})
    assert CANARY not in str(caught.value)


@pytest.mark.parametrize("around", ["{}\n", " {}", "\t{}\r\n", "{}"])
def test_blanks_around_a_key_are_left_out(around: str) -> None:
    assert read_key("A_KEY", {"A_KEY": around.format("abc")}) == "abc"


@pytest.mark.parametrize("empty", ["", " ", "\n"])
def test_empty_key_is_none(empty: str) -> None:
    assert read_key("A_KEY", {"A_KEY": empty}) is None


_FORMS: list[Callable[[str], str]] = [
    str,
    repr,
    json.dumps,
    quote,
    lambda s: quote(s, safe=""),
    lambda s: base64.b64encode(s.encode()).decode(),
    lambda s: base64.urlsafe_b64encode(s.encode()).decode().rstrip("="),
]


@pytest.mark.usefixtures("secrets")
@pytest.mark.parametrize("form", range(len(_FORMS)))
@pytest.mark.parametrize("name", [n for n in SECRETS if n not in ("SIMSONG_MAIL_TO",)])
def test_secret_is_taken_out_in_every_form(name: str, form: int) -> None:
    value = SECRETS[name]
    if "URL" in name and "HOOK" not in name:
        value = value.partition("://")[2].partition("@")[0]
    text = without_secrets(f"before {_FORMS[form](value)} after")
    assert _leaks(text) == []
    assert text.startswith("before ")
    assert text.endswith(" after")


@pytest.mark.usefixtures("secrets")
def test_error_of_a_library_goes_through_without_secrets() -> None:
    error = ValueError(f"Illegal header value b'{SECRETS['QDRANT_API_KEY']}'")
    assert first_line(error) == "Illegal header value b'***'"
    assert str(RawDataError(f"no {SECRETS['PGPASSWORD']}")) == "no ***"
    assert cause(error) is None
    assert cause(ValueError("nothing")) is not None


@pytest.mark.usefixtures("secrets")
def test_chain_of_an_error_is_looked_at() -> None:
    error = ValueError("nothing")
    error.__cause__ = ValueError(SECRETS["GENIUS_ACCESS_TOKEN"])
    assert cause(error) is None


def test_short_secret_leaves_words_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PGPASSWORD", "the")
    assert without_secrets("the other is theirs: 'the'") == "*** other is theirs: '***'"


def test_password_of_an_unknown_address_is_taken_out() -> None:
    assert without_secrets("at a://b:c and http://u:p4ss@h:1/x") == "at a://b:c and http://***@h:1/x"


@pytest.mark.parametrize("address", ADDRESSES)
def test_address_is_shown_without_its_password(address: str) -> None:
    assert CANARY not in without_credentials(address)


@pytest.mark.usefixtures("secrets")
def test_log_holds_no_secret(caplog: pytest.LogCaptureFixture) -> None:
    guard_logs()
    log = logging.getLogger("some.library")
    log.warning("sent %s to %s", SECRETS["QDRANT_API_KEY"], "there")
    try:
        raise ValueError(SECRETS["PGPASSWORD"])
    except ValueError:
        log.exception("it failed")
    assert _leaks(caplog.text) == []
    assert "sent *** to there" in caplog.text
    assert "ValueError: ***" in caplog.text


def _events(instance: dg.DagsterInstance, run_id: str) -> str:
    return "\n".join(record.event_log_entry.to_json() for record in instance.get_records_for_run(run_id).records)


@pytest.mark.usefixtures("secrets")
@pytest.mark.parametrize("fault", [pytest.param(n, marks=pytest.mark.slow) if n in RETRIED else n for n in FAULTS])
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_event_log_of_dagster_holds_no_secret(
    fault: str, known_home: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    @dg.asset
    def index(context: dg.AssetExecutionContext, simsong: SimSong) -> dg.MaterializeResult:
        """Asks the server, having said too much."""
        context.log.info("the key is %s", SECRETS["QDRANT_API_KEY"])
        with simsong.workspace().store(simsong.config().store) as store:
            return dg.MaterializeResult(metadata={"collections": store.ping()})

    with serve(Always(FAULTS[fault])) as server, dg.instance_for_test() as instance:
        monkeypatch.setenv("QDRANT_URL", server.address.replace("http://", f"http://user:{PASSWORD}@"))
        resources = {"simsong": SimSong(home=str(known_home))}
        result = dg.materialize([index], resources=resources, instance=instance, raise_on_error=False)
        said = _events(instance, result.run_id)
    assert not result.success
    assert StoreError.__name__ in said
    assert _leaks(said) == []
    assert _leaks("".join(capfd.readouterr())) == []


@pytest.mark.usefixtures("secrets")
@pytest.mark.parametrize("secret", list(SECRETS.values()))
def test_no_line_for_programs_holds_a_secret(secret: str, capsys: pytest.CaptureFixture[str]) -> None:
    log = logging.getLogger("simsong_pipeline.secret")
    with logging_as_json():
        log.warning("asked with %s", secret, extra={"stage": secret, "more": [secret], "track_id": f"x{secret}"})
        try:
            raise ValueError(secret) from OSError(f"at {secret}")
        except ValueError:
            log.exception("failed: %s", secret)
        # A record that no factory has seen, as those of other processes.
        record = logging.makeLogRecord({"msg": f"from afar: {secret}", "levelname": "INFO"})
        said = f"{capsys.readouterr().err}{JsonLines().format(record)}"
    assert len([json.loads(line) for line in said.splitlines()]) == 3
    assert _leaks(said) == []


@pytest.mark.usefixtures("secrets")
def test_no_command_logs_a_secret(
    known_home: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    with logging_as_json(), serve(Always(FAULTS["echo"])) as server:
        monkeypatch.setenv("QDRANT_URL", server.address.replace("http://", f"http://user:{PASSWORD}@"))
        said = _said_by_all(known_home, monkeypatch, capfd)
    objects = [json.loads(line) for line in said.splitlines() if line.startswith('{"ts"')]
    assert len([line for line in objects if line["level"] == "error"]) > 10
    assert server.address in said
    assert _leaks(said) == []
