"""What a probe mail says to whoever finds one in the mailbox."""

SUBJECT = "Postern probe"
TEXT = (
    "This mail was sent by the helpdesk to itself. When it comes back, mail to this address arrives.\r\n"
    "Nobody needs to read or answer it."
)
