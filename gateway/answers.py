"""What a peer hears: one table of SMTP replies (RFC 5321 4.2, RFC 3463) and exit codes of the pipe (sysexits.h)."""

from __future__ import annotations

import logging
import secrets
from enum import Enum

from store.errors import NoRoom, describe, disk_trouble
from store.rules.addressing import NotOurs

log = logging.getLogger("postern.doors")

OK, USAGE, DATAERR, NOUSER, TEMPFAIL = 0, 64, 65, 67, 75


class Answer(Enum):
    """Each thing a door may say: the SMTP reply and the pipe's exit code. `{}` takes the journal id or a reference."""

    ACCEPTED = "250 2.0.0 accepted as {}", OK

    SENDER_OK = "250 2.1.0 sender ok", OK
    RECIPIENT_OK = "250 2.1.5 recipient ok", OK

    # Signing in (RFC 4954)
    SIGNED_IN = "235 2.7.0 signed in", OK
    WRONG_LOGIN = "535 5.7.8 address and password do not belong together", USAGE
    TOO_MANY_LOGINS = "454 4.7.0 too many tries, wait ten minutes", TEMPFAIL
    LOGIN_NEEDS_TLS = "538 5.7.11 sign in over TLS", USAGE
    LOGIN_NOT_NOW = "503 5.5.1 signed in already, or in the middle of a mail", USAGE
    UNKNOWN_LOGIN = "504 5.5.4 sign in by PLAIN or LOGIN", USAGE
    BAD_LOGIN = "501 5.5.2 this cannot be read", USAGE
    NOT_YOURS = "553 5.7.1 From must be an address of the person who signed in", USAGE

    # The mailbox
    UNKNOWN_MAILBOX = "550 5.1.1 no such mailbox here", NOUSER
    FOREIGN_DOMAIN = "550 5.7.1 relaying denied", NOUSER
    BAD_ADDRESS = "553 5.1.3 this is not a mail address", USAGE
    NEEDS_SMTPUTF8 = "553 5.6.7 a non-ASCII address needs SMTPUTF8 and valid UTF-8", USAGE
    TOO_MANY_RECIPIENTS = "452 4.5.3 too many recipients, send the others separately", TEMPFAIL
    CANNOT_VERIFY = "252 2.5.0 cannot verify, send some mail and see", USAGE

    LISTED = "554 5.7.1 your address is on the block list {}", USAGE

    # The message
    TOO_LARGE = "552 5.3.4 message too large", DATAERR
    BARE_CR_OR_LF = "550 5.6.0 lines must end in CRLF, bare CR or LF found", DATAERR
    LOOP = "554 5.4.6 too many hops, this mail is going in circles", DATAERR
    DISK_FULL = "452 4.3.1 not enough room here, try again later", TEMPFAIL
    TROUBLE = "451 4.3.0 try again later, ref {}", TEMPFAIL

    # The conversation
    SEND_DATA = "354 end with <CRLF>.<CRLF>", OK
    START_TLS = "220 2.0.0 go ahead with TLS", OK
    HELP = "214 2.0.0 see RFC 5321", OK
    NO_TLS = "502 5.5.1 TLS is not offered", USAGE
    TLS_ALREADY = "503 5.5.1 TLS is on already", USAGE
    NO_MAIL_YET = "503 5.5.1 RCPT first", USAGE
    NO_NAME = "501 5.5.4 your name must follow", USAGE
    NO_ARGUMENT = "501 5.5.4 this command takes no argument", USAGE
    NOT_IMPLEMENTED = "502 5.5.1 not implemented", USAGE
    BAD_PARAMETER = "501 5.5.4 bad value of SIZE", USAGE
    UNKNOWN_COMMAND = "500 5.5.1 command not recognised", USAGE
    LINE_TOO_LONG = "500 5.5.2 command line too long", USAGE
    BARE_LF_COMMAND = "500 5.5.2 a command ends in CRLF", USAGE
    CONTROL_CHARACTER = "501 5.5.2 control character in a command", USAGE

    # The good-byes; the connection closes after each
    SHUTTING_DOWN = "421 4.3.2 going down, try again later", TEMPFAIL
    TOO_MANY_CONNECTIONS = "421 4.7.0 too many connections, try again later", TEMPFAIL
    TOO_MANY_MISTAKES = "421 4.7.0 too many mistakes", TEMPFAIL
    NOT_HTTP = "421 4.7.0 this is a mail server", TEMPFAIL
    TIMEOUT = "421 4.4.2 waited too long", TEMPFAIL

    def __init__(self, line: str, exit_code: int) -> None:
        self.line = line
        self.exit = exit_code

    @property
    def code(self) -> int:
        """The three digits of RFC 5321."""
        return int(self.line[:3])

    def about(self, what: object) -> str:
        """The reply line with the id or reference filled in."""
        return self.line.format(what)


NOT_OURS = {NotOurs.UNKNOWN: Answer.UNKNOWN_MAILBOX, NotOurs.FOREIGN: Answer.FOREIGN_DOMAIN}


def trouble(error: BaseException, where: str) -> str:
    """The reply to a fault of our own: always temporary, never its text, with a reference that the log has too."""
    reference = secrets.token_hex(3).upper()
    log.error("%s failed, ref %s: %s", where, reference, describe(error))
    if isinstance(disk_trouble(error), NoRoom):
        return Answer.DISK_FULL.line
    return Answer.TROUBLE.about(reference)
