"""The later acts: staff answer, customers and machines answer them; every address comes from a mail that went out."""

from __future__ import annotations

from gateway.cli.demo.first_act import (
    AOIFE,
    DAN,
    DORA,
    ELODIE,
    EQ,
    GRACE,
    HO,
    IN,
    INES,
    KARIM,
    LIAM,
    LUCA,
    MARTA,
    MINA,
    MV,
    NOAH,
    OWEN,
    PAWEL,
    PRIYA,
    SOFIA,
    THEO,
    TOM,
    VERA,
    WAITING,
)  # fmt: skip
from gateway.cli.demo.sample import Act, End, Sample, Sent, StaffReply

SECOND_ACT = Act(
    "Staff answer",
    (
        StaffReply(
            "staff-answers", "postern reply; the person in Cc has a copy", VERA,
            "Good morning Owen,\n\nall workers of your shop were busy, it has more now.\nDoes the cart work?\n\nVera\n",
            End("reply", "hosting", "gmail-web", label="Answered", told=((OWEN, "staff_reply"), (KARIM, "cc_copy")),
                says="Does the cart work?"),
        ),
        Sample(
            "answer-staff", "an agent answers by mail, from the signed address of the notice", NOAH, ("{reply_to}",),
            (End("reply", "infrastructure", "outlook-desktop", label="Waiting for Customer", side="support",
                 told=((DAN, "staff_reply"), (PRIYA, "staff_reply")), says="I have moved it to 04:30"),),
            answers=Sent("outlook-desktop", NOAH, "staff_notice"),
        ),
        StaffReply(
            "staff-informs", "an answer that needs no answer", INES, "A new belt leaves our store today.\n\nInes\n",
            End("reply", "equipment", "iphone", label="In Review", told=((TOM, "staff_reply"),),
                says="A new belt leaves our store today."), ("--no-wait",),
        ),
        StaffReply(
            "staff-notes", "an internal note: nobody is mailed", THEO, "Same fault as last week, see the other one.\n",
            End("note", "moving", "apple-mail", label="Open"), ("--note",),
        ),
        StaffReply(
            "staff-closes", "answered and closed", MINA, "Both trackers are active.\n\nMina\n",
            End("reply", "devices", "samsung", label="Closed", told=((AOIFE, "ticket_closed"),),
                says="Both trackers are active."), ("--close",),
        ),
        StaffReply(
            "staff-asks", "answer to a stranger; this mail will bounce", THEO,
            "Which mover is it, please? They have to invite you.\n\nTheo\n",
            End("reply", "moving", "yahoo", label="Awaiting your reply", told=((DORA, "staff_reply"),),
                says="Which mover is it, please?"),
        ),
        StaffReply(
            "staff-resolves", "the emergency is over", INES, "A welded contact, replaced this morning.\n\nInes\n",
            End("reply", "equipment", "safety", label="Resolved", told=((MARTA, "ticket_closed"),),
                says="A welded contact"), ("--close",),
        ),
        Sample(
            "answer-staff-phone", "an agent answers from a phone, K-9 Mail", LUCA, ("{reply_to}",),
            (End("reply", "hosting", "html-only", label="Answered", department="Billing",
                 told=((SOFIA, "staff_reply"),), says="The second charge is on its way back"),),
            answers=Sent("html-only", LUCA, "staff_notice"),
        ),
        Sample(
            "answer-note", "an agent answers #note: it stays among the staff", MINA, ("{reply_to}",),
            (End("reply", "devices", "gmail-android", label="Open", side="support", untold=(LIAM,),
                 says="Their SIM was blocked"),),
            answers=Sent("gmail-android", MINA, "staff_notice"), hides="Their SIM was blocked",
        ),
    ),
)  # fmt: skip

THIRD_ACT = Act(
    "Customers and machines answer",
    (
        Sample(
            "answer-gmail", "a reply from Gmail to the signed Reply-To", OWEN, ("{reply_to}",),
            (End("reply", "hosting", "gmail-web", told=((VERA, "staff_notice"), (KARIM, "cc_copy"))),),
            answers=Sent("gmail-web", OWEN, "staff_reply"),
        ),
        Sample(
            "answer-gmail-again", "that reply delivered twice", OWEN, ("{reply_to}",),
            (End("duplicate", "hosting", "gmail-web"),),
            answers=Sent("gmail-web", OWEN, "staff_reply"), file="answer-gmail",
        ),
        Sample(
            "answer-cc", "the person in Cc replies", KARIM, ("{reply_to}",),
            (End("reply", "hosting", "gmail-web", label="Customer-Reply", told=((OWEN, "ticket_update"),)),),
            answers=Sent("gmail-web", KARIM, "cc_copy"),
        ),
        Sample(
            "answer-outlook", "only In-Reply-To is left, the subject rewritten", DAN, (IN,),
            (End("reply", "infrastructure", "outlook-desktop", label=WAITING),),
            answers=Sent("outlook-desktop", DAN, "staff_reply"),
        ),
        Sample(
            "answer-colleague", "a colleague answers her own copy, HTML alone", PRIYA, ("{reply_to}",),
            (End("reply", "infrastructure", "outlook-desktop", label=WAITING, told=((DAN, "ticket_update"),)),),
            answers=Sent("outlook-desktop", PRIYA, "staff_reply"),
        ),
        Sample(
            "answer-subject", "only the number in the subject is left", TOM, (EQ,),
            (End("reply", "equipment", "iphone", label="In Review"),),
            answers=Sent("iphone", TOM, "staff_reply"),
        ),
        Sample(
            "answer-address", "a new mail to the signed address of a closed ticket reopens it", AOIFE, ("{reply_to}",),
            (End("reply", "devices", "samsung", label="Open", told=((MINA, "staff_notice"),)),),
            answers=Sent("samsung", AOIFE, "ticket_closed"),
        ),
        Sample(
            "answer-refused-file", "a reply with a refused file: its writer is told", SOFIA, ("{reply_to}",),
            (End("reply", "hosting", "thunderbird", label="Customer-Reply", accepted=("readings.zip",),
                 refused=("player.scr",), told=((SOFIA, "attachment_refused"),)),),
            answers=Sent("thunderbird", SOFIA, "confirmation"),
        ),
        Sample(
            "answer-missing", "the lines that were asked for come back", ELODIE, ("{reply_to}",),
            (End("reply", "equipment", "french", label="Open", told=((INES, "staff_notice"),)),),
            answers=Sent("french", ELODIE, "missing_info"),
        ),
        Sample(
            "answer-close", "#close by mail, to the signed address", SOFIA, ("{reply_to}",),
            (End("reply", "hosting", "html-only", label="Closed", department="Billing",
                 told=((LUCA, "staff_notice"),)),),
            answers=Sent("html-only", SOFIA, "staff_reply"),
        ),
        Sample(
            "empty-close", "an empty mail to the address that closes", PRIYA, ("{close}",),
            (End("command", "infrastructure", "outlook-web", label="Closed", told=((NOAH, "staff_notice"),)),),
            answers=Sent("outlook-web", PRIYA, "confirmation"),
        ),
        Sample(
            "unproved-close", "#close with the number alone: not done, its requester is asked", PAWEL, (MV,),
            (End("command", "moving", "polish", label="Open", told=((PAWEL, "confirm_request"),)),),
            answers=Sent("polish", PAWEL, "confirmation"),
        ),
        Sample(
            "vacation", "an absence note: kept on its closed ticket, which stays closed", "", ("{reply_to}",),
            (End("auto", "equipment", "safety", label="Resolved", priority="urgent"),),
            answers=Sent("safety", MARTA, "ticket_closed"),
        ),
        Sample(
            "bounce", "a delivery report to the envelope address of the mail it is about", "", ("{verp}",),
            (End("bounce", "moving", "yahoo", label="Awaiting your reply"),),
            answers=Sent("yahoo", DORA, "staff_reply"),
        ),
        Sample(
            "stranger", "somebody else quotes a number: a ticket of its own", "rex@mallow.example", (HO,),
            (End("new", "hosting", flag="stranger", linked="gmail-web", untold=("rex@mallow.example", OWEN)),),
            answers=Sent("gmail-web", OWEN, "staff_reply"),
        ),
        Sample(
            "forwarded", "somebody else writes to Owen's signed address: held for staff",
            "nadia@northside-press.example", ("{reply_to}",),
            (End("held", "hosting", flag="held", untold=("nadia@northside-press.example",)),),
            answers=Sent("gmail-web", OWEN, "staff_reply"),
        ),
        Sample(
            "own-mail-returns", "a mail of ours comes back: recorded, no loop", GRACE, ("{reply_to}",),
            (End("auto", "moving"),), answers=Sent("apple-mail", GRACE, "confirmation"), returned=True,
        ),
    ),
)  # fmt: skip
