"""`postern.toml`, the environment and the desk files, read into one frozen value; every mistake is one clear line."""

from __future__ import annotations

import os
import secrets
import tomllib
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ValidationError

from store.errors import ConfigError
from store.rules.addressing import AddressBook, NotOurs, normalise
from store.rules.desk import Desk
from store.settings import ImapSection, OauthSection, Settings

if TYPE_CHECKING:
    from store.signing_keys import DkimKey


class Config:
    """The settings of one installation with its desks; `folder` is where the file lies."""

    def __init__(self, settings: Settings, folder: Path, file: Path | None = None) -> None:
        self.settings = settings
        self.folder = folder
        self.file = file

    def judging_for(self, own: Config) -> Config:
        """These rules with the keys and the address of another installation, whose mail is to be judged by them."""
        there = own.settings.postern.model_copy(update={"data": own.data, "secret_file": own.secret_file})
        return Config(self.settings.model_copy(update={"postern": there}), self.folder, self.file)

    @property
    def data(self) -> Path:
        """The data folder; made with mode 0700 by `prepare`."""
        return self.folder / self.settings.postern.data

    @property
    def base_url(self) -> str:
        return self.settings.postern.base_url.rstrip("/")

    @cached_property
    def desks(self) -> dict[str, Desk]:
        """The desks by name. Raises ConfigError naming the file and the key."""
        files = sorted(self.folder.glob(self.settings.desks))
        if not files:
            raise ConfigError(f"{self.folder / self.settings.desks}: no desk file found; `postern init` writes some")
        desks = [read_desk(file) for file in files]
        for field in ("name", "key"):
            seen: dict[str, Path] = {}
            for desk, file in zip(desks, files, strict=True):
                value = getattr(desk, field)
                if value in seen:
                    raise ConfigError(f"{file}: {field}: {value!r} is taken by {seen[value]}")
                seen[value] = file
        for desk, file in zip(desks, files, strict=True):
            if desk.files.largest_mail > self.settings.smtp.max_size:
                least = desk.files.largest_mail
                raise ConfigError(
                    f"{file}: files.max_size: a mail with such a file needs [smtp] max_size of {least:,} or more (X-06)"
                )
        return {desk.name: desk for desk in desks}

    @cached_property
    def addresses(self) -> AddressBook:
        """All mailboxes. Raises ConfigError when two desks claim one address."""
        try:
            return AddressBook.of(self.desks.values())
        except ValueError as error:
            raise ConfigError(f"{self.folder / self.settings.desks}: {error}") from None

    @cached_property
    def imap(self) -> tuple[ImapSection, ...]:
        """The folders mail is fetched from, each with the address of a desk. Raises ConfigError for one without."""
        sections = []
        known: set[tuple[str, str]] = set()
        for number, section in enumerate(self.settings.imap):
            key = f"{self.file}: imap.{number}"
            to = normalise(section.to or section.user)
            place = self.addresses.locate(to)
            if isinstance(place, NotOurs) or place.extension:
                named = "to" if section.to else "user"
                raise ConfigError(f"{key}.{named}: {to} is no mailbox of a desk; `to` names the one its mail is for")
            if (section.account, section.folder) in known:
                raise ConfigError(f"{key}.folder: {section.folder} of {section.account} is read already")
            known.add((section.account, section.folder))
            if section.oauth is not None:
                self.oauth(section.oauth, f"imap.{number}.oauth")
            sections.append(section.model_copy(update={"to": to}))
        return tuple(sections)

    def oauth(self, name: str, key: str) -> OauthSection:
        """The [[oauth]] of a name. Raises ConfigError, which says that `key` names it, when there is none or there are two."""
        named = [section for section in self.settings.oauth if section.name == name]
        if len(named) != 1:
            there = ", ".join(section.name for section in self.settings.oauth) or "none"
            raise ConfigError(
                f"{self.file}: {key}: expected the name of one [[oauth]], got {name!r}; there are {there}"
            )
        return named[0]

    @cached_property
    def dkim_keys(self) -> tuple[DkimKey, ...]:
        """The keys that mails are signed with. Raises ConfigError naming the key file."""
        if not self.settings.relay.dkim:
            return ()
        from store.signing_keys import read_key  # dkimpy takes a moment to load, and few commands need it

        keys = []
        for place, one in enumerate(self.settings.relay.dkim):
            try:
                keys.append(read_key(one.domain.lower(), one.selector, self.folder / one.key))
            except ValueError as error:
                raise ConfigError(f"{self.file}: relay.dkim.{place}.key: {self.folder / one.key}: {error}") from None
        return tuple(keys)

    @property
    def secret_file(self) -> Path:
        """Where the key of all signatures lies."""
        file = self.settings.postern.secret_file
        return self.folder / file if file else self.data / "secret"

    @cached_property
    def secret(self) -> bytes:
        """The key of all signatures, made on first use with mode 0600."""
        path = self.secret_file
        if not path.exists():
            self.prepare()
            draft = path.with_name(f"{path.name}.{os.getpid()}.new")
            descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "w") as out:
                out.write(secrets.token_hex(32) + "\n")
                out.flush()
                os.fsync(out.fileno())
            try:
                os.link(draft, path)  # two first starts at once: one of them wins, both read the same
            except FileExistsError:
                pass
            finally:
                draft.unlink()
        return bytes.fromhex(path.read_text().strip())

    def prepare(self) -> None:
        """Makes the data folder, closed to others (threats 99)."""
        self.data.mkdir(parents=True, exist_ok=True)
        self.data.chmod(0o700)


def load(path: str | os.PathLike[str] | None = None) -> Config:
    """Reads the configuration from `path`, else $POSTERN_CONFIG, else ./postern.toml; raises ConfigError."""
    file = Path(path or os.environ.get("POSTERN_CONFIG") or "postern.toml").absolute()
    if not file.is_file():
        raise ConfigError(f"{file}: no such file; `postern init DIR` writes one")
    values = _read_toml(file)
    known = set(Settings.model_fields)
    for key in values:
        if key not in known:
            raise ConfigError(f"{file}: {key}: unknown; expected one of {', '.join(sorted(known))}")
    for name in os.environ:
        head = name.removeprefix("POSTERN_").lower().split("__")[0]
        if name.startswith("POSTERN_") and "__" in name and head not in known:
            raise ConfigError(f"environment: {name}: unknown; expected POSTERN_SECTION__KEY")
    try:
        settings = Settings(**values)
    except ValidationError as error:
        raise ConfigError(_explain(file, error, Settings)) from None
    config = Config(settings, file.parent, file)
    _ = config.dkim_keys
    return config


def host_and_port(value: str, key: str) -> tuple[str, int]:
    """`HOST:PORT` taken apart; `[::1]:80` for IPv6, an empty host for all addresses. Raises ConfigError naming the key."""
    host, colon, port = value.rpartition(":")
    if not (colon and port.isascii() and port.isdigit() and int(port) < 65536):
        raise ConfigError(f"{key}: expected HOST:PORT, got {value!r}")
    return host.strip("[]"), int(port)


def read_desk(file: Path) -> Desk:
    """One desk file. Raises ConfigError naming the file and the key."""
    try:
        desk = Desk(**_read_toml(file))
    except ValidationError as error:
        raise ConfigError(_explain(file, error, Desk)) from None
    if not desk.templates:
        return desk
    templates = file.parent.absolute() / desk.templates
    if not templates.is_dir():
        raise ConfigError(f"{file}: templates: there is no folder {templates}")
    return desk.model_copy(update={"templates": str(templates)})


def _read_toml(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{file}: {error}") from None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{file}: cannot be read: {error}") from None


def _explain(file: Path, error: ValidationError, model: type[BaseModel]) -> str:
    """The first mistake as `FILE: KEY: what was expected`."""
    first = error.errors()[0]
    place = ".".join(str(part) for part in first["loc"])
    variable = "POSTERN_" + "__".join(str(part) for part in first["loc"]).upper()
    if variable in os.environ:
        return f"environment: {variable}: {first['msg'][:1].lower()}{first['msg'][1:]}, got {os.environ[variable]!r}"
    if first["type"] == "extra_forbidden":
        inner: Any = model
        for part in first["loc"][:-1]:
            annotation = inner.model_fields[part].annotation if isinstance(part, str) else None
            inner = annotation if isinstance(annotation, type) and issubclass(annotation, BaseModel) else None
            if inner is None:
                return f"{file}: {place}: unknown key"
        return f"{file}: {place}: unknown; expected one of {', '.join(sorted(inner.model_fields))}"
    given = f", got {first['input']!r}" if isinstance(first.get("input"), str | int | float | bool) else ""
    message = first["msg"].removeprefix("Value error, ")
    return f"{file}: {place}: {message[:1].lower()}{message[1:]}{given}"
