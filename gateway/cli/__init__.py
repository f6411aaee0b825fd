"""The `postern` command: the composition root, the only place that knows both gateway and workers."""

from __future__ import annotations

import logging
import os
import sys

import typer

from gateway.cli import assets, caring, delivering, lettering, parts, reading, sifting, trying, writing
from gateway.cli.signals import SUPERVISED, WRONG_SETTING, end_with_supervisor
from store import crash
from store.errors import ConfigError, PosternError, Temporary

app = typer.Typer(
    name="postern",
    help="An email-first helpdesk gateway: mail in, tickets, mail out.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
for module in (writing, parts, reading, trying, caring, sifting, assets, delivering, lettering):
    module.add_to(app)


def main() -> None:
    """Runs the command line. Exits 0 on success, 2 on wrong use, 1 on failure with one line on standard error."""
    for reader in ("mailparser", "flufl"):  # what they find odd in a mail is a defect of that mail, not ours to report
        logging.getLogger(reader).setLevel(logging.CRITICAL)
    end_with_supervisor()
    try:
        crash.arm(os.environ.pop(crash.VARIABLE, ""))  # out of the environment: no child and no successor dies of it
        app(windows_expand_args=False)
    except PosternError as error:
        again = " (try again)" if isinstance(error, Temporary) else ""
        sys.stderr.write(f"postern: {error}{again}\n")
        sys.exit(WRONG_SETTING if isinstance(error, ConfigError) and SUPERVISED in os.environ else 1)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)
