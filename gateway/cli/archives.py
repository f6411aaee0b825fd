"""`import` and `reconcile`: old mail of an archive into the journal, and what of it is there."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gateway.cli.options import AsJson, ConfigFile, opened
from gateway.cli.reading import print_json, show
from store.errors import BadInput

if TYPE_CHECKING:
    from rich.progress import Progress

    from gateway.reconciling import Kept, Reconciled
    from store.config import Config
    from store.ledgers import Accepted
    from store.settings import ImapSection

_PATIENCE = 60.0  # seconds for an answer of a mail server

Paths = Annotated[list[Path], typer.Argument(metavar="PATH...", help="An mbox file, or a maildir with its folders.")]
Mailbox = Annotated[str, typer.Option("--to", metavar="ADDRESS", help="The mailbox of a desk that the mail came to.")]


def add_to(app: typer.Typer) -> None:
    """Adds the commands."""
    app.command("import")(import_archive)
    app.command()(reconcile)


def import_archive(
    paths: Paths,
    to: Mailbox,
    numbers: Annotated[
        list[str] | None, typer.Option("--numbers", metavar="PATTERN", help="Ticket numbers of another system; repeatable.")
    ] = None,
    trust_from: Annotated[bool, typer.Option("--trust-from", help="Believe whom the mails name as their sender.")] = False,
    open_days: Annotated[int, typer.Option("--open-days", min=0, help="Tickets whose last mail is older are closed.")] = 30,
    config: ConfigFile = None,
) -> None:  # fmt: skip
    """Take the old mail of mbox files and maildirs in, oldest first; nobody is told, and nothing is done that it asks for.

    Messages keep their time. It may be stopped and repeated at any time, also while the gateway runs: what the journal has
    is not taken again. Give the Sent folder together with the inbox, so that questions and answers meet.

    --numbers PATTERN is a regular expression with one group around the number of another system, for the subjects of its
    mails: mails with one number come to one ticket, as far as their senders have a part in it. Written as `old_numbers`
    in the desk file it lets later answers find that ticket too.
    OTRS and Zammad: '\\[Ticket#(\\d+)\\]'; osTicket and FreeScout: '\\[#(\\d+)\\]'; RT: '\\[example\\.com #(\\d+)\\]'.

    Anybody could write under the name of an agent. So what is From an agent becomes a note that no customer sees, and what
    is From a mailbox of the desk is only recorded. With --trust-from both are answers of support: for Sent folders, and for
    archives in which no forged mail is.
    """
    from gateway import importing
    from gateway.archive import Archive
    from store.clock import now
    from store.rules.old_mail import Terms, check_pattern

    try:
        patterns = tuple(map(check_pattern, numbers or ()))
    except ValueError as error:
        raise BadInput(f"--numbers: {error}") from None
    with opened(config) as (settings, store), Archive(paths) as archive, _bar() as progress:
        desk, address = _mailbox(settings, to)
        surveyed = progress.add_task("looking", total=None)
        entries = list(progress.track(archive.entries(now()), task_id=surveyed))
        terms = Terms(now(), patterns, trust_from, now() - timedelta(days=open_days))
        bar, told = progress.add_task("taking", total=len(entries)), importing.Taken()
        largest = settings.settings.smtp.max_size
        for taken in importing.take(
            store, archive, entries, (desk, address), terms, largest, lambda: importing.wait_for_filer(store)
        ):
            told += taken
            progress.advance(bar, taken.mails)
        filed = importing.is_filed(store)
    typer.echo(f"{told.mails} mails: {told.new} taken, {told.known} already in the journal.")
    if told.new and not filed:
        typer.echo("They are filed when `postern serve` runs.")
    if missing := [one for one in patterns if one not in settings.desks[desk].old_numbers]:
        typer.echo(
            f"For later answers to old mails, write into the file of the desk {desk}: old_numbers = {_toml(missing)}"
        )
    if told.too_large:
        raise BadInput(
            f"{told.too_large[0]}: larger than [smtp] max_size, as are {len(told.too_large)} in all; they were not taken"
        )


def reconcile(
    paths: Annotated[list[Path] | None, typer.Argument(metavar="PATH...", help="Mbox files and maildirs.")] = None,
    to: Annotated[str | None, typer.Option("--to", metavar="ADDRESS", help="The mailbox that the mail came to.")] = None,
    imap: Annotated[str | None, typer.Option("--imap", metavar="USER", help="Instead of PATH: a mailbox of an [[imap]].")] = None,
    as_json: AsJson = False,
    config: ConfigFile = None,
) -> None:  # fmt: skip
    """Compare archives, or a mailbox elsewhere, with the journal, by content; name every mail that only one of them has.

    From a mailbox elsewhere a mail is fetched only when the journal has none of its Message-ID and size.

    What the journal alone has is named for the time that the archive covers. Nothing is changed, and no mail is marked as
    read. Exits 1 when the archive holds a mail that the journal has not: `postern import` takes those in and tells nobody,
    `postern ingest --to ADDRESS FILE` takes one as if it came today.
    """
    from gateway import reconciling

    with opened(config) as (settings, store), _bar() as progress:
        if imap is not None and not paths:
            section = _section(settings, imap, to)
            desk, address = _mailbox(settings, to or section.to or section.user)
            accepted = reconciling.accepted_by(store, desk)
            kept = list(progress.track(_of_folder(settings, section, accepted), description="comparing"))
        elif paths and to is not None and imap is None:
            desk, address = _mailbox(settings, to)
            accepted = reconciling.accepted_by(store, desk)
            kept = list(progress.track(_of_archives(paths), description="comparing"))
        else:
            raise BadInput("expected either PATH... with --to ADDRESS, or --imap USER")
        found = reconciling.reconcile(accepted, kept, address)
    _show(found, as_json)
    if found.missing:
        raise typer.Exit(1)


def _of_archives(paths: list[Path]) -> Iterator[Kept]:
    from gateway import reconciling
    from gateway.archive import Archive
    from store.clock import now

    with Archive(paths) as archive:
        yield from reconciling.look_at(archive, archive.entries(now()))


def _of_folder(config: Config, section: ImapSection, accepted: list[Accepted]) -> Iterator[Kept]:
    from gateway import reconciling
    from gateway.imap import secret_of
    from gateway.imap_session import Session, Trouble

    only_looking = section.model_copy(update={"after": "leave"})
    try:
        session = Session(only_looking, secret_of(config, section), _PATIENCE)
        try:
            yield from reconciling.look_at_folder(session, section.name, config.settings.smtp.max_size, accepted)
            session.close()
        finally:
            session.cut()
    except Trouble as trouble:
        raise BadInput(f"{section.name}: {trouble}") from None


def _section(config: Config, user: str, to: str | None) -> ImapSection:
    """The one [[imap]] of this user, or of `user folder`. Raises BadInput."""
    found = [one for one in config.imap if user in (one.user, one.name) and to in (None, one.to)]
    if len(found) != 1:
        names = ", ".join(one.name for one in config.imap) or "none"
        raise BadInput(f"--imap: expected one of the mailboxes of [[imap]], got {user!r}; there are: {names}")
    return found[0]


def _show(found: Reconciled, as_json: bool) -> None:
    missing = [
        {"place": one.place, "at": one.at.isoformat(), "message_id": one.message_id.strip("<>") or None, "subject": one.subject}
        for one in found.missing
    ]  # fmt: skip
    extra = [
        {"id": one.id, "at": one.at.isoformat(), "sender": one.sender, "message_id": one.message_id} for one in found.extra
    ]  # fmt: skip
    if as_json:
        print_json({"archive": found.archived, "journal": found.journalled, "missing": missing, "extra": extra})
        return
    for name, rows, columns in (
        ("In the archive and not in the journal", missing, ("place", "at", "message_id", "subject")),
        ("In the journal and not in the archive", extra, ("id", "at", "sender", "message_id")),
    ):
        if rows:
            typer.echo(f"{name}:")
            show(rows, False, columns, "")
    typer.echo(
        f"{found.archived} mails in the archive, {len(missing)} of them not in the journal; {len(extra)} in the journal alone."
    )
    if missing:
        typer.echo(
            "`postern import` takes in what is missing, without a word to anybody; `postern ingest FILE` as mail of today."
        )


def _mailbox(config: Config, address: str) -> tuple[str, str]:
    """The desk of a mailbox, and its address as it is compared. Raises BadInput."""
    from store.rules.addressing import Place

    place = config.addresses.locate(address)
    if not isinstance(place, Place):
        raise BadInput(f"--to: {address} is no mailbox of a desk")
    return place.desk, place.mailbox.address


def _bar() -> Progress:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    shown = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    return Progress(*shown, console=Console(stderr=True), transient=True)


def _toml(patterns: list[str]) -> str:
    return "[" + ", ".join(f"'{pattern}'" for pattern in patterns) + "]"
