"""The first act: what customers write on a Monday morning, in the shapes of their mail programs."""

from __future__ import annotations

from gateway.cli.demo.house import ON_CALL
from gateway.cli.demo.sample import Act, End, Sample

MARTA, TOM = "marta@riverbend-bakery.example", "tom@riverbend-bakery.example"
ELODIE = "elodie@ateliers-lenoir.example"
PRIYA, DAN, RUTH = "priya@kestrel-analytics.example", "dan@kestrel-analytics.example", "ruth@kestrel-analytics.example"
JUERGEN, SABINE = "j.brueckner@brueckner-logistik.example", "s.koehler@brueckner-logistik.example"
AOIFE, LIAM, TANAKA = "aoife@inshore-ferries.example", "liam@inshore-ferries.example", "tanaka@sakura-seiki.example"
GRACE, PAWEL, DORA = "grace@harbour-removals.example", "pawel@zajac.example", "dora.finch@yahoo.example"
OWEN, SOFIA, KARIM = "owen@tallyman-books.example", "sofia@pixelmill.example", "karim@haddad-design.example"
INES, NOAH, MINA, THEO = "ines@crew.example", "noah@crew.example", "mina@crew.example", "theo@crew.example"
VERA, LUCA = "vera@crew.example", "luca@crew.example"
HANA = "hana@bluefin.example"

EQ, IN, DV = "support@equipment.desk.test", "support@infrastructure.desk.test", "support@devices.desk.test"
MV, HO = "support@moving.desk.test", "support@hosting.desk.test"


def _opened(
    desk: str, sender: str, staff: str, answer: str = "confirmation", *others: tuple[str, str], **more: object
) -> tuple[End, ...]:  # fmt: skip
    """A ticket of its own: the sender has an answer, the staff of its department a notice."""
    told = ((sender, answer), (staff, "staff_notice"), *others)
    return (End("new", desk, told=told, **{"label": "Open", **more}),)  # type: ignore[arg-type]


WAITING = "Waiting for Support"

FIRST_ACT = Act(
    "Customers write",
    (
        Sample(
            "gmail-web", "Gmail in the browser, a colleague in Cc", OWEN, (HO,),
            _opened("hosting", OWEN, VERA, department="Support", priority="medium", cc=(KARIM,)),
        ),
        Sample("gmail-android", "Gmail on Android, base64", LIAM, (DV,), _opened("devices", LIAM, MINA)),
        Sample(
            "outlook-desktop", "Outlook with Word's HTML; the customer's admin is told too", DAN, (IN,),
            (End("new", "infrastructure", label=WAITING,
                 told=((DAN, "confirmation"), (NOAH, "staff_notice"), (PRIYA, "ticket_update"))),),
        ),
        Sample(
            "outlook-web", "Outlook in the browser, ISO-8859-1", PRIYA, (IN,),
            _opened("infrastructure", PRIYA, NOAH, label=WAITING),
        ),
        Sample(
            "apple-mail", "Apple Mail with a picture in the text", GRACE, (MV,),
            _opened("moving", GRACE, THEO),
        ),
        Sample(
            "iphone", "an iPhone with a photo between two texts; model and serial are read", TOM, (EQ,),
            _opened("equipment", TOM, INES, "portal_nudge"),
        ),
        Sample(
            "thunderbird", "Thunderbird, three files, to the technicians", SOFIA, ("technical@hosting.desk.test",),
            _opened("hosting", SOFIA, VERA, department="Technical",
                    accepted=("access.txt", "Testrapport kassa åäö.pdf", "cart.png")),
        ),
        Sample("yahoo", "Yahoo, from somebody nobody knows", DORA, (MV,), _opened("moving", DORA, THEO)),
        Sample("samsung", "Samsung Email", AOIFE, (DV,), _opened("devices", AOIFE, MINA)),
        Sample(
            "german", "German, ISO-8859-1, quoted-printable, an umlaut in the file's name", JUERGEN, (IN,),
            _opened("infrastructure", JUERGEN, NOAH, label=WAITING, accepted=("Übersicht Lieferungen.csv",)),
        ),
        Sample(
            "french", "French, from Zimbra; without model and serial, which are asked for", ELODIE, (EQ,),
            _opened("equipment", ELODIE, INES, "missing_info", label="Awaiting Info"),
        ),
        Sample("japanese", "Japanese, ISO-2022-JP, from Becky!", TANAKA, (DV,), _opened("devices", TANAKA, MINA)),
        Sample("polish", "Polish, ISO-8859-2, from Roundcube", PAWEL, (MV,), _opened("moving", PAWEL, THEO)),
        Sample(
            "html-only", "HTML alone, to the billing department", SOFIA, ("billing@hosting.desk.test",),
            _opened("hosting", SOFIA, LUCA, department="Billing"),
        ),
        Sample(
            "important", "marked important by its writer", OWEN, ("billing@hosting.desk.test",),
            _opened("hosting", OWEN, LUCA, department="Billing", priority="high"),
        ),
        Sample(
            "safety", "an emergency to the safety mailbox; whoever is on call hears at once", MARTA,
            ("safety@equipment.desk.test",),
            _opened("equipment", MARTA, INES, "safety_ack", (ON_CALL, "safety_alert"),
                    priority="urgent", department="Safety"),
        ),
        Sample(
            "login", "a lost password to the login mailbox; a link to a new one comes back", TOM,
            ("login@equipment.desk.test",), _opened("equipment", TOM, INES, "login_help", priority="high"),
        ),
        Sample(
            "program", "an .exe is refused, the log beside it kept", DAN, (IN,),
            _opened("infrastructure", DAN, NOAH, label=WAITING,
                    accepted=("conncheck.txt",), refused=("conncheck.exe",)),
        ),
        Sample(
            "program-as-pdf", "a program that calls itself .pdf is refused", KARIM, ("sales@hosting.desk.test",),
            _opened("hosting", KARIM, LUCA, department="Sales", refused=("order-signed.pdf",)),
        ),
        Sample(
            "big-file", "a file above 15 MB is refused, the mail kept", GRACE, (MV,),
            _opened("moving", GRACE, THEO, refused=("inventory.zip",)),
        ),
        Sample("over-size", "a mail above SIZE is refused at the door", GRACE, (MV,), (), door="552"),
        Sample("unknown-mailbox", "no such mailbox", OWEN, ("complaints@hosting.desk.test",), (), door="550 5.1.1"),
        Sample("foreign", "not our domain: no relay", OWEN, ("someone@elsewhere.example",), (), door="550 5.7.1"),
        Sample(
            "mailing-list", "a mailing list: a ticket for staff, never answered",
            "operators-bounces@lists.hosters.example", (HO,),
            (End("new", "hosting", flag="automatic", untold=("operators@lists.hosters.example",)),),
        ),
        Sample(
            "machine", "a cron job: a ticket for staff, never answered", "root@web3.pixelmill.example",
            ("technical@hosting.desk.test",),
            (End("new", "hosting", flag="automatic", department="Technical", untold=("root@web3.pixelmill.example",)),),
        ),
        Sample(
            "out-of-office", "an absence note about nothing: recorded, no ticket", "", (IN,),
            (End("auto", "infrastructure"),),
        ),
        Sample(
            "bcc", "the desk is in Bcc", SABINE, ("support@infrastructure.desk.test",),
            _opened("infrastructure", SABINE, NOAH, label=WAITING),
        ),
        Sample("own-address", "from the desk to itself: recorded, no ticket", HO, (HO,), (End("auto", "hosting"),)),
        Sample("empty-subject", "no subject", AOIFE, (DV,), _opened("devices", AOIFE, MINA)),
        Sample(
            "two-desks", "one mail to two desks: two tickets", PRIYA, (IN, HO),
            (*_opened("infrastructure", PRIYA, NOAH, label=WAITING), *_opened("hosting", PRIYA, VERA)),
        ),
        Sample(
            "inactive", "from a closed account: kept for staff, not answered", RUTH, (IN,),
            (End("new", "infrastructure", flag="inactive-sender", told=((NOAH, "staff_notice"),), untold=(RUTH,)),),
        ),
        Sample(
            "unknown-sender", "from somebody nobody knows, to a desk that holds such mail", HANA, (IN,),
            (End("held", "infrastructure", label=WAITING, flag="unknown-sender",
                 told=((HANA, "held_ack"), (NOAH, "staff_notice"))),),
        ),
        Sample(
            "gmail-web-again", "the same mail delivered twice", OWEN, (HO,),
            (End("duplicate", "hosting", ticket="gmail-web"),), file="gmail-web",
        ),
        Sample(
            "iphone-again", "the same mail to the safety mailbox: its ticket becomes urgent", TOM,
            ("safety@equipment.desk.test",),
            (End("duplicate", "equipment", ticket="iphone", priority="urgent", told=((ON_CALL, "safety_alert"),)),),
            file="iphone",
        ),
    ),
)  # fmt: skip
