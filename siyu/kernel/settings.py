"""What is in force: environment over ``$SIYU_HOME/siyu.toml`` over defaults, and where each value came from."""

import hashlib
import hmac
import os
import secrets
import tomllib
from collections.abc import Mapping
from contextlib import suppress
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Any, Literal
from urllib.parse import parse_qs, quote, urlsplit, urlunsplit

import msgspec

Profile = Literal["demo", "production"]
Network = IPv4Network | IPv6Network
SECRET_NAMES = frozenset(
    {
        "database_url",
        "database_app_url",
        "database_dispatcher_url",
        "clickhouse_url",
        "secret",
        "sms_url",
        "sms_token",
        "smtp_url",
    }
)


class SettingsRefused(Exception):
    """A setting cannot be used; the message says which, why and what to do."""


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that can be set from outside. Each field is read from ``SIYU_<FIELD>``."""

    home: Path = Path("./.siyu")
    profile: Profile = "production"
    host: str = "127.0.0.1"
    port: int = 8000
    workers: int = 1
    """Web processes."""
    trusted_proxies: str = ""
    """Addresses and networks of proxies in front, with commas; only they are believed who called them. Empty = nobody."""
    database_url: str = ""
    """Owner of the schema, ``postgresql://user:password@host:port/name``; empty = embedded engine."""
    database_app_url: str = ""
    """Role of the running program; empty = ``siyu_app`` on the same database."""
    database_dispatcher_url: str = ""
    """Role that wakes work; empty = ``siyu_dispatcher`` on the same database."""
    clickhouse_url: str = ""
    """``http://user:password@host:port/database``; empty = embedded engine."""
    console_origin: str = ""
    """Scheme, host and port of the console; empty = ``http://localhost:<port>``."""
    shop_origin: str = ""
    """Pattern of a brand's shop with ``{slug}``; empty = ``http://{slug}.localhost:<port>``."""
    media_origin: str = ""
    """Origin of pictures; empty = ``http://media.localhost:<port>``."""
    secret: str = ""
    """Signs links and CSRF tokens, seals files; empty = random ones, kept in ``home/secrets``."""
    keys: str = ""
    """Folder of the keys of personal data, outside the database and its backups; empty = ``home/keys``."""
    sms_url: str = ""
    """Gateway of text messages, ``https://…``; empty = none: then nobody signs in outside the demo."""
    sms_token: str = ""
    """Sent to the gateway as bearer."""
    smtp_url: str = ""
    """``smtp://user:password@host:587?from=shop@example.com``, ``smtps://`` for TLS from the start; empty = no e-mail."""
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    embedded_postgres: Literal[16, 18] = 18
    events_keep_days: int = 750
    """How long events stay in PostgreSQL before their partition goes to Parquet files; 0 = for ever."""
    import_files_keep_days: int = 30
    """How long uploaded import files and the reports on them are kept, at least 1."""
    slow_ms: int = 250
    """Statements that take longer are written down with their brand, without their values; 0 = none."""
    otel_url: str = ""
    """An OpenTelemetry collector that takes OTLP over HTTP, e.g. ``http://localhost:4318``; empty = no traces."""
    otel_share: float = 1.0
    """Of the requests, how many are traced: 0 to 1."""
    backup_folder: str = ""
    """Where backups lie; empty = ``home/backups``. Another disk is better."""
    backup_hour: int | None = None
    """Hour (UTC, 0 to 23) of the nightly backup; -1 = none; empty = 3 at night, and none in the demo."""
    backup_round_s: int = 40
    """Seconds between two looks for new files and behaviour, 1 to 50: with the time that one takes, under a minute."""
    backup_keep_days: int = 14
    """How far back a moment can be restored, at least 1."""

    @property
    def backups(self) -> Path:
        """The folder of backups."""
        return (
            Path(self.backup_folder).expanduser() if self.backup_folder else self.home / "backups"
        )

    @property
    def nightly_hour(self) -> int | None:
        """The hour of the nightly backup; ``None`` when none is taken."""
        hour = self.backup_hour
        if hour is None:
            return None if self.profile == "demo" else 3
        return None if hour < 0 else hour

    @property
    def proxies(self) -> tuple[Network, ...]:
        """The networks of the trusted proxies. Raises ``ValueError``."""
        named = (one.strip() for one in self.trusted_proxies.split(","))
        return tuple(ip_network(one) for one in named if one)

    @property
    def console(self) -> str:
        """Origin of the merchant console."""
        return self.console_origin or f"http://localhost:{self.port}"

    @property
    def media(self) -> str:
        """Origin of pictures."""
        return self.media_origin or f"http://media.localhost:{self.port}"

    def shop(self, slug: str) -> str:
        """Origin of a brand's shop."""
        return (self.shop_origin or f"http://{{slug}}.localhost:{self.port}").replace(
            "{slug}", slug
        )


class Loaded(msgspec.Struct, frozen=True):
    """Settings with the origin of each value: ``default``, ``file`` or ``environment``."""

    settings: Settings
    origin: dict[str, str]


def load(environ: Mapping[str, str] | None = None, **overrides: Any) -> Loaded:
    """Read settings; ``overrides`` (command-line options) win over everything.

    Raises ``SettingsRefused`` in one sentence for an unknown name, a bad value or a wrong URL.
    """
    environ = os.environ if environ is None else environ
    fields = {field.name: field for field in msgspec.structs.fields(Settings)}
    home = (
        Path(overrides.get("home") or environ.get("SIYU_HOME") or "./.siyu").expanduser().absolute()
    )
    values: dict[str, Any] = {"home": str(home)}
    origin = dict.fromkeys(fields, "default")
    for name, value in _from_file(home / "siyu.toml").items():
        if name not in fields:
            raise SettingsRefused(
                f"{home / 'siyu.toml'} sets {name!r}, which siyu does not know; remove it."
            )
        values[name], origin[name] = value, "file"
    for name in fields:
        if (text := environ.get(f"SIYU_{name.upper()}")) not in (None, ""):
            values[name], origin[name] = text, "environment"
    if (collector := environ.get("OTEL_EXPORTER_OTLP_ENDPOINT")) and not values.get("otel_url"):
        values["otel_url"], origin["otel_url"] = collector, "environment"
    for name, value in overrides.items():
        if value is not None:
            values[name], origin[name] = str(value) if name == "home" else value, "command line"
    values["home"] = str(home)
    try:
        settings = msgspec.convert(
            values, Settings, strict=False, dec_hook=lambda kind, raw: kind(raw)
        )
    except msgspec.ValidationError as error:
        raise SettingsRefused(_unfit(str(error), values, origin, home)) from None
    _check(settings)
    return Loaded(settings, origin)


def _unfit(error: str, values: dict[str, Any], origin: dict[str, str], home: Path) -> str:
    """Which setting a validator's sentence («Expected `int`, got `str` - at `$.port`») is about, and where it stands."""
    what, _, name = error.rpartition(" - at `$.")
    name = name.rstrip("`")
    if name not in values:
        return f"A setting cannot be used: {error}."
    where = {"environment": f"SIYU_{name.upper()}", "file": f"{name} in {home / 'siyu.toml'}"}
    said = masked(name, values[name])
    return f"{where.get(origin[name], name)} is {said!r} and cannot be used: {what[:1].lower()}{what[1:]}."


def _from_file(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text())
    except (FileNotFoundError, NotADirectoryError):  # whether it can be a home is said by its lock
        return {}
    except (tomllib.TOMLDecodeError, OSError) as error:
        raise SettingsRefused(f"{path} cannot be read: {error}.") from None


def _check(settings: Settings) -> None:
    if not 0 <= settings.port <= 65_535:
        raise SettingsRefused(f"SIYU_PORT is {settings.port}; it must be between 1 and 65535.")
    if settings.backup_hour is not None and not -1 <= settings.backup_hour <= 23:
        raise SettingsRefused(
            f"SIYU_BACKUP_HOUR is {settings.backup_hour}; it must be between 0 and 23, or -1 for none."
        )
    if not 1 <= settings.backup_round_s <= 50:
        raise SettingsRefused(
            f"SIYU_BACKUP_ROUND_S is {settings.backup_round_s}; it must be between 1 and 50."
        )
    if settings.backup_keep_days < 1:
        raise SettingsRefused(
            f"SIYU_BACKUP_KEEP_DAYS is {settings.backup_keep_days}; it must be at least 1."
        )
    for name, schemes in (
        ("database_url", ("postgresql", "postgres")),
        ("database_app_url", ("postgresql", "postgres")),
        ("database_dispatcher_url", ("postgresql", "postgres")),
        ("clickhouse_url", ("http", "https")),
        ("console_origin", ("http", "https")),
        ("media_origin", ("http", "https")),
        ("otel_url", ("http", "https")),
        ("sms_url", ("https", "http")),
        ("smtp_url", ("smtp", "smtps")),
    ):
        value: str = getattr(settings, name)
        parts = urlsplit(value)
        if value and (parts.scheme not in schemes or not parts.hostname):
            raise SettingsRefused(
                f"SIYU_{name.upper()} is not a URL of the form {schemes[0]}://…; correct it."
            )
    if not 0 <= settings.otel_share <= 1:
        raise SettingsRefused(
            f"SIYU_OTEL_SHARE is {settings.otel_share:g}; it is a share of the requests, from 0 to 1."
        )
    _check_proxies(settings)
    if settings.slow_ms < 0:
        raise SettingsRefused(
            f"SIYU_SLOW_MS is {settings.slow_ms}; give milliseconds, or 0 for none."
        )
    if (
        settings.smtp_url
        and "@" not in parse_qs(urlsplit(settings.smtp_url).query).get("from", [""])[0]
    ):
        raise SettingsRefused("SIYU_SMTP_URL names no sender; add ?from=shop@example.com.")
    if settings.profile == "demo" and settings.host not in ("127.0.0.1", "::1", "localhost"):
        raise SettingsRefused(
            "The demo opens doors that nobody else may use, so it listens on this machine only; unset SIYU_HOST."
        )
    derived = not (settings.database_app_url and settings.database_dispatcher_url)
    if settings.database_url and derived and not urlsplit(settings.database_url).password:
        raise SettingsRefused(
            "SIYU_DATABASE_URL has no password, and the program's roles get theirs from it; put the password into the URL."
        )


def _check_proxies(settings: Settings) -> None:
    try:
        everybody = any(one.prefixlen == 0 for one in settings.proxies)
    except ValueError as error:
        raise SettingsRefused(
            f"SIYU_TRUSTED_PROXIES cannot be used: {error}. Give addresses or networks with commas, e.g. 127.0.0.1, 10.0.3.0/24."
        ) from None
    if everybody:
        raise SettingsRefused(
            "SIYU_TRUSTED_PROXIES trusts every address, so anybody could pretend to be anybody; name the proxies only."
        )


def check_serving(settings: Settings, environ: Mapping[str, str] | None = None) -> None:
    """What may not be in force where real people sign in. Raises ``SettingsRefused``."""
    environ = os.environ if environ is None else environ
    if settings.profile == "production" and environ.get("SIYU_TEST_FAST_HASH"):
        raise SettingsRefused(
            "SIYU_TEST_FAST_HASH makes passwords cheap to guess and is for tests only; unset it."
        )


def masked(name: str, value: Any) -> str:
    """The value as it may be shown: passwords in URLs and secrets become ``***``."""
    text = str(value)
    if name not in SECRET_NAMES or not text:
        return text
    parts = urlsplit(text)
    if name == "sms_url" and parts.query:  # gateways put keys there
        parts = parts._replace(query="***")
        text = urlunsplit(parts)
    if parts.password is None:
        return text if "://" in text else "***"
    return urlunsplit(parts._replace(netloc=parts.netloc.replace(f":{parts.password}@", ":***@")))


def effective(settings: Settings, name: str) -> str:
    """What is in force for a setting, as it may be shown: of one that is empty, what follows from that."""
    value = getattr(settings, name)
    if value not in ("", None):
        if name == "backup_hour":
            return _hour(settings)
        return masked(name, value)
    home = settings.home
    follows = {
        "secret": f"kept in {home / 'secrets'}",
        "keys": str(home / "keys"),
        "backup_folder": str(settings.backups),
        "backup_hour": _hour(settings),
        "console_origin": settings.console,
        "media_origin": settings.media,
        "shop_origin": settings.shop("{slug}"),
        "database_url": "embedded engine",
        "clickhouse_url": "embedded engine",
    }
    return follows.get(name, "none")


def _hour(settings: Settings) -> str:
    hour = settings.nightly_hour
    if hour is not None:
        return f"{hour}:00 UTC"
    return "none" if settings.backup_hour is not None else "none in the demo"


def role_url(owner_url: str, role: str) -> str:
    """URL of a runtime role on the owner's database.

    Its password is HMAC-SHA256(owner's password, role): every node that knows the owner's URL
    finds the same one, and nobody has to carry three secrets.
    """
    parts = urlsplit(owner_url)
    host = (parts.hostname or "").replace(":", "%3A")
    netloc = f"{role}:{quote(role_password(owner_url, role))}@{host}" + (
        f":{parts.port}" if parts.port else ""
    )
    return urlunsplit(parts._replace(netloc=netloc))


class Urls(msgspec.Struct, frozen=True):
    """The two engines as URLs. ``owner`` may be empty in a process that never migrates."""

    owner: str
    app: str
    dispatcher: str
    clickhouse: str


def urls_of(settings: Settings, *, owner: str = "", clickhouse: str = "") -> Urls:
    """Fill in what follows from the owner's URL; arguments (embedded engines) stand in for empty settings."""
    owner = settings.database_url or owner
    return Urls(
        owner,
        settings.database_app_url or role_url(owner, "siyu_app"),
        settings.database_dispatcher_url or role_url(owner, "siyu_dispatcher"),
        settings.clickhouse_url or clickhouse,
    )


def role_password(owner_url: str, role: str) -> str:
    """The password of a runtime role; see ``role_url``."""
    key = urlsplit(owner_url).password or ""
    return hmac.new(key.encode(), role.encode(), hashlib.sha256).hexdigest()


def kept_secret(home: Path, name: str) -> str:
    """A random secret kept in ``home/secrets/<name>`` (mode 0600), made at the first call; whole or not at all."""
    path = home / "secrets" / name
    try:
        if kept := path.read_text().strip():
            return kept
        path.unlink(missing_ok=True)  # its writer was killed: an empty secret is none
    except FileNotFoundError:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    draft = path.with_name(f".{name}.{secrets.token_hex(4)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(secrets.token_urlsafe(32) + "\n")
        file.flush()
        os.fsync(file.fileno())
    with suppress(FileExistsError):  # another process was first: its secret is the one
        path.hardlink_to(draft)
    draft.unlink()
    return path.read_text().strip()
