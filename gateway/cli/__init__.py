"""The `postern` command: the composition root, the only place that knows both gateway and workers."""

from __future__ import annotations

import logging
import os

import typer

from gateway.cli import (
    archives,
    assets,
    caring,
    delivering,
    doctor,
    ending,
    lettering,
    mailboxes,
    parts,
    reading,
    sifting,
    trying,
    writing,
)
from store import crash

app = typer.Typer(
    name="postern",
    help="An email-first helpdesk gateway: mail in, tickets, mail out.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
for module in (
    writing, parts, reading, trying, caring, sifting, assets, delivering, lettering, mailboxes, archives, doctor
):  # fmt: skip
    module.add_to(app)


def main() -> None:
    """Runs the command line. Exits 0 on success, 2 on wrong use, 1 on failure with one line on standard error."""
    for reader in ("mailparser", "flufl"):  # what they find odd in a mail is a defect of that mail, not ours to report
        logging.getLogger(reader).setLevel(logging.CRITICAL)
    with ending.in_one_line():
        crash.arm(os.environ.pop(crash.VARIABLE, ""))  # out of the environment: no child and no successor dies of it
        app(windows_expand_args=False)
