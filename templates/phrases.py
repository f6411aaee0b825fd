"""What the rules and the desks say in English and mails pass on, so that catalogues can hold it (`saying.said`)."""

from __future__ import annotations

# Why a file was refused: each sentence of store/rules/files.py and beside it.
REFUSALS = (
    "larger than %(size)s MB", "the file is empty", "more than %(most)s files in one message", "not accepted",
    "files without a type are not accepted", "files of this type are not accepted", "files of type %(ending)s are not accepted",
    "the content is not what %(ending)s says", "its content is of another type", "its content is damaged",
    "it ends too early, a part of it is missing", "another file is hidden in it", "another file is embedded in it",
    "it is locked with a password; please send it without one", "it holds macros", "it is no %(kind)s document",
    "it is no text", "it is a web page, not a text; a .zip of it is taken", "there is something in it that is no file",
    "the picture is larger than %(size)s megapixels", "it is one part of an archive in several parts",
    "the names of the files in it are hidden", "there is something else in front of the archive",
    "there is something else behind the archive", "its list of files is not true", "there are more than %(most)s files in it",
    "there is a program in it", "a link in it leads out of the archive", "unpacked it is larger than %(size)s GB",
    "unpacked it is more than %(times)s times as large", "a file in it would be written outside of its folder",
    "there is a program or script in it (.%(kind)s)", "there is a document with macros in it (.%(kind)s)",
    "there is another archive in it (.%(kind)s); please send its files in one archive", "there is a link in it",
)  # fmt: skip
NAMELESS = "a file without a name"
FILES = (NAMELESS, "%(types)s up to %(size)s MB each")
# What was asked by mail in somebody's name: store/acts/parking.py.
ACTS = (
    "send an answer to the customer", "write on it", "add a note", "close it", "assign it", "change its priority",
    "move it to another department", "merge it with another one", "change who gets copies", "renew or end subscriptions",
)  # fmt: skip
# What can be asked by mail: gateway/parse/commands.py.
COMMANDS = (
    "closes the ticket", "closes the ticket as well", "keeps what you write below it among the staff",
    "says who works on the ticket", "says how urgent the ticket is", "moves the ticket to another department",
    "joins the ticket with another one", "adds people to the ticket; a minus takes one off",
    "waits for the customer after your answer", "answers without waiting for the customer",
)  # fmt: skip
# Why something asked by mail was not done. What the store alone says to staff may stay English.
PROBLEMS = (
    "Only whoever opened it may close a %(noun)s.", "Only the %(team)s may close a %(noun)s.",
    "There is no command %(word)s.", "%(word)s stands alone on its line; words go below it.", "%(word)s may be said once.",
    "#wait and #nowait exclude each other.", "A mail may begin with %(most)s commands at most.",
    "#assign needs one mail address, or me, or nobody.", "#priority needs one of low, medium, high, urgent.",
    "#department needs the name of a department.", "#merge needs the number of one other ticket, such as HO#12.",
    "#cc needs mail addresses with commas between them; a minus before one takes it off.",
    "Nobody with the address %(email)s is on the staff of %(desk)s; there is %(people)s.",
    "There is no department %(name)s at %(desk)s; there are %(departments)s.",
    "%(old)s and %(new)s are of different desks; move one of them first.", "There is no such ticket.",
    "A mailbox of a desk, such as %(email)s, gets no copies.",
)  # fmt: skip
# Why something asked for a device was not done: store/rules/wishes.py.
DEVICES = (
    "Only an administrator of the organization or of its group may do this.", "There is no device of this name among yours.",
    "It is registered already.", "It is registered already, and can be activated again.",
    "It cannot be registered under this name; the %(team)s looks into it.", "There is no such group among yours.",
    "It is active already.", "It is not active.", "Its activation is under way.", "Its deactivation is under way.",
    "It is deactivated.", "It has no renewal date; there is nothing to confirm.",
    "Its renewal can be confirmed from %(day)s on.", "Its renewal date has passed.", "Its renewal on %(day)s is confirmed already.",
    "You asked for two things at once; neither was done.",
)  # fmt: skip
# What is wrong with a mailbox: store/alarms.py. What a mail server says stays as it is.
MAILBOXES = (
    "%(mailbox)s: nothing is heard of it", "%(mailbox)s: %(size)s MB from %(sender)s: %(why)s", "somebody", "too large",
    "and %(count)s more", "%(name)s: ends on %(day)s",
)  # fmt: skip
CALENDAR = ("Renewal: %(name)s",)
PHRASES = (*MAILBOXES, *CALENDAR, *REFUSALS, *FILES, *ACTS, *COMMANDS, *PROBLEMS, *DEVICES)
