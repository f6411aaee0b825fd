"""The sections of `postern.toml` with their defaults, each value checked when it is read."""

from __future__ import annotations

import re
from datetime import date
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

_SIZE = re.compile(r"^\s*(\d+)\s*([KMG]?)(?:i?B)?\s*$", re.IGNORECASE)


def _bytes(value: Any) -> Any:
    """`40 MB` as bytes; K, M and G count in steps of 1024."""
    if isinstance(value, str) and (match := _SIZE.match(value)):
        return int(match[1]) << {"": 0, "K": 10, "M": 20, "G": 30}[match[2].upper()]
    return value


Size = Annotated[int, BeforeValidator(_bytes)]


class Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class PosternSection(Section):
    data: Path = Field(Path("var"), description="folder for everything the gateway keeps; relative to the file")
    base_url: str = Field(
        "http://127.0.0.1:8080", description="where people reach the portal; links in mails start with it"
    )
    secret_file: Path | None = Field(None, description="key of all signatures; `secret` in data, made on first start")


class StoreSection(Section):
    database: str = Field("sqlite", description="`sqlite` in data, or postgresql+psycopg://user:password@host/name")
    blobs: str = Field("file:", description="`file:` in data, or file:FOLDER")


class QueueSection(Section):
    broker: str = Field(
        "local", description="`local` needs nothing; or redis://host:port/0, amqp://user:password@host:port"
    )


class SmtpSection(Section):
    listen: str = Field("127.0.0.1:2525", description="HOST:PORT of the SMTP door")
    tls_cert: Path | None = Field(None, description="PEM certificate chain; with tls_key STARTTLS is offered")
    tls_key: Path | None = Field(None, description="PEM key")
    max_size: Size = Field(40 << 20, gt=0, description="largest message taken, told in SIZE")
    max_connections: int = Field(500, gt=0, description="connections at a time")
    max_per_client: int | None = Field(
        None, gt=0, description="connections at a time from one address; 20, none from loopback"
    )
    dnsbl: tuple[str, ...] = Field(
        (), description="DNS block lists such as zen.spamhaus.org: mail of strangers whose address one of them names is refused at the "
        "SMTP door; without an answer within three seconds it is taken",
    )  # fmt: skip
    auth: bool = Field(
        False,
        description="staff may sign in with the address and password of their portal login, over TLS only; what they send "
        "must be from themselves, and needs no other proof of that",
    )
    proxies: tuple[IPv4Network | IPv6Network, ...] = Field(
        (), description="addresses or networks of proxies in front of the SMTP door that say by the PROXY protocol (version 1 or 2) "
        "for whom they speak; they must always say it, and nobody else may",
    )  # fmt: skip
    command_timeout: float = Field(300, gt=0, description="seconds to wait for the next command")
    data_timeout: float = Field(1800, gt=0, description="seconds for a whole message")


class LmtpSection(Section):
    listen: str | None = Field(
        None,
        description="HOST:PORT of the LMTP door, or the path of its Unix socket, with a / in it (mode 0660, relative to "
        "the file); off when unset. Its limits are those of smtp",
    )


def _folder_name(value: str) -> str:
    """A line end in a name would be a command of its own to the server (CVE-2025-15366)."""
    if not value or any(ord(char) < 32 or ord(char) == 127 for char in value):
        raise ValueError("expected the name of a folder, without control characters")
    return value


FolderName = Annotated[str, AfterValidator(_folder_name)]


class ImapSection(Section):
    host: str = Field(min_length=1, description="the IMAP server")
    port: int | None = Field(None, gt=0, lt=65536, description="993, or 143 unless tls is `implicit`")
    tls: Literal["implicit", "starttls", "off"] = Field(
        "implicit", description="`implicit`: from the first byte; `starttls`: never without; `off`: in clear"
    )
    user: FolderName = Field(description="who logs in, mostly the mail address of the mailbox")
    password_file: Path | None = Field(None, description="file with the password alone; relative to the file")
    oauth: str | None = Field(None, description="instead of a password: the name of an [[oauth]] that gives tokens")
    folder: FolderName = Field("INBOX", description="the folder that is read")
    after: FolderName = Field(
        "seen",
        pattern="^(seen|leave|move:.+)$",
        description="what becomes of a mail once it is kept for good: `seen` marks it as read, `move:FOLDER` moves it, `leave` "
        "does nothing",
    )
    to: str | None = Field(None, description="the mailbox of a desk that the mails are for; `user` when unset")
    first: Literal["all", "new"] = Field(
        "all", description="what is taken of a folder never read before: `all` its mails, or `new` ones only"
    )
    poll: float = Field(
        60, gt=0, le=300, description="seconds between looks, also while the server promises to tell (IDLE)"
    )

    @property
    def account(self) -> str:
        """What its progress is kept under, together with the folder."""
        return f"{self.user}@{self.host}"

    @property
    def name(self) -> str:
        """What people read of it."""
        return f"{self.user} {self.folder}"

    @model_validator(mode="after")
    def _one_secret(self) -> ImapSection:
        if (self.password_file is None) == (self.oauth is None):
            raise ValueError("expected either password_file or oauth")
        return self


_OF_ANYBODY = ("organizations", "common", "consumers")


class OauthSection(Section):
    name: str = Field(
        pattern="^[A-Za-z0-9._-]+$", description="what `oauth` of [[imap]] and [relay] and `postern login` call it"
    )
    provider: Literal["microsoft", "google"] = Field(description="`microsoft` (Microsoft 365) or `google` (Gmail)")
    client_id: str = Field(description="of the application registered there")
    client_secret_file: Path | None = Field(
        None,
        description="file with the application's secret; relative to the file. Google always wants one; for Microsoft the "
        "application then logs in by itself, and without one a person does, by `postern login`",
    )
    tenant: str = Field(
        "organizations", pattern="^[A-Za-z0-9._-]+$", description="Microsoft: the directory's id or domain"
    )
    expires: date | None = Field(
        None, description="when the secret ends, such as 2027-05-01; people are told two weeks before"
    )
    authority: str | None = Field(
        None, pattern="^https://", description="https:// address of another login server than the provider's own"
    )

    @model_validator(mode="after")
    def _secret(self) -> OauthSection:
        if self.provider == "google" and self.client_secret_file is None:
            raise ValueError("google needs client_secret_file")
        if self.provider == "microsoft" and self.client_secret_file is not None and self.tenant in _OF_ANYBODY:
            raise ValueError("with client_secret_file it needs tenant, the directory's id or domain")
        return self


class DkimSection(Section):
    domain: str = Field(description="mails from it and the domains below it are signed")
    selector: str = Field(description="the public key stands in the TXT record SELECTOR._domainkey.DOMAIN")
    key: Path = Field(description="file of the private key, RSA in PEM or Ed25519 in base64; relative to the file")


class RelaySection(Section):
    url: str = Field(
        "maildir:",
        description="maildir:[FOLDER] (mails are written, not sent), smtp://user:password@host:port (STARTTLS when "
        "offered; ?tls=required or ?tls=off), smtps://",
    )
    oauth: str | None = Field(
        None,
        description="instead of a password in url: the name of an [[oauth]] that gives tokens; the user stays in url",
    )
    connections: int = Field(
        4,
        ge=1,
        description="connections to the relay at a time; beyond one `postern serve` shares them between two workers",
    )
    per_second: float | None = Field(None, gt=0, description="mails a second at most; no limit when unset")
    dkim: tuple[DkimSection, ...] = Field(
        (), description="[[relay.dkim]] with domain, selector and key (RSA in PEM, or Ed25519 in base64): mails from the domain "
        "and those below it are signed",
    )  # fmt: skip
    bounce_days: int = Field(14, gt=0, description="days after a mail in which a report about it is believed")
    suppress_after: int = Field(
        3, gt=0, description="mails that came back in a row because there is no such mailbox, after which it gets none"
    )


class PortalSection(Section):
    listen: str = Field("127.0.0.1:8080", description="HOST:PORT of the portal")


class AuthSection(Section):
    trusted_host: str | None = Field(
        None, description="Authentication-Results of this host are believed, all others are not"
    )
    relays: tuple[IPv4Network | IPv6Network, ...] = Field(
        (),
        description="public addresses or networks of our own relays, such as trusted_host; loopback and private ones "
        "always count. The header is believed in mail from these alone",
    )
    check: Literal["direct", "off"] = Field(
        "direct",
        description="`direct`: SPF, DKIM and DMARC are computed for mail that public addresses hand to the SMTP door, other "
        "than relays; or `off`",
    )


class CanarySection(Section):
    every: float | None = Field(
        None,
        gt=0,
        description="minutes between probe mails to each mailbox, out by the relay and back in; none when unset",
    )
    late: float = Field(15, gt=0, description="minutes after which a probe that has not come back is an alarm")


class FilterSection(Section):
    clamd: str | None = Field(
        None, description="HOST:PORT of clamd, or the path of its socket, with a / in it: files in which it finds something are refused"
    )  # fmt: skip
    rspamd: str | None = Field(
        None, description="http://HOST:PORT of rspamd's normal worker: new tickets it takes for spam are flagged, and strangers get no "
        "automatic answer to such mail",
    )  # fmt: skip


class Settings(BaseSettings):
    """All settings with their defaults; each also as an environment variable, POSTERN_SMTP__LISTEN for [smtp] listen."""

    model_config = SettingsConfigDict(
        frozen=True, extra="forbid", env_prefix="POSTERN_", env_nested_delimiter="__", env_ignore_empty=True
    )

    postern: PosternSection = PosternSection()
    store: StoreSection = StoreSection()
    queue: QueueSection = QueueSection()
    smtp: SmtpSection = SmtpSection()
    lmtp: LmtpSection = LmtpSection()
    imap: tuple[ImapSection, ...] = Field((), description="a mailbox that mail is fetched from")
    oauth: tuple[OauthSection, ...] = Field((), description="a login that gives tokens instead of a password")
    relay: RelaySection = RelaySection()
    portal: PortalSection = PortalSection()
    auth: AuthSection = AuthSection()
    canary: CanarySection = CanarySection()
    filter: FilterSection = FilterSection()
    desks: str = Field("desks/*.toml", description="the desk files, relative to this file")

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return env_settings, init_settings
