"""Words and files out of containers: invitations, winmail.dat, S/MIME, enclosed mail, flowed text."""

from __future__ import annotations

import base64
import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.parse import parse
from gateway.parse.calendar import read_invitation
from gateway.parse.smime import read_signed
from gateway.parse.tnef import read_tnef
from tests.parse.samples import TEXT, mail, multipart, read

INVITATION = """BEGIN:VCALENDAR
METHOD:REQUEST
BEGIN:VTIMEZONE
TZID:Europe/Riga
BEGIN:STANDARD
DTSTART:16010101T000000
END:STANDARD
END:VTIMEZONE
BEGIN:VEVENT
ORGANIZER;CN="Ann, Lee":mailto:ann@shop.test
ATTENDEE;PARTSTAT=NEEDS-ACTION:mailto:help@desk.test
SUMMARY:Lift\\, second
  floor
DTSTART;TZID=Europe/Riga:20260302T100000
DTEND;TZID=Europe/Riga:20260302T113000
LOCATION:Hall 1\\nBack door
BEGIN:VALARM
SUMMARY:Alarm
END:VALARM
END:VEVENT
END:VCALENDAR"""
TOLD = [
    "Invitation: Lift, second floor",
    "When: 2026-03-02 10:00 Europe/Riga - 11:30 Europe/Riga",
    "Where: Hall 1 Back door",
    "Organizer: Ann, Lee (ann@shop.test)",
]


def test_an_invitation_is_told_in_a_few_lines_and_kept_as_a_file() -> None:
    parts = (
        TEXT,
        "Content-Type: text/html\n\n<p>The lift",
        f"Content-Type: text/calendar; method=REQUEST\n\n{INVITATION}",
    )
    parsed = parse(multipart(*parts, kind="alternative"))
    assert parsed.text.split("\n") == [*TOLD, "", "The lift is stuck."]
    assert parsed.reply == parsed.text
    assert [file.filename for file in parsed.files] == ["attachment.ics"]


def test_a_calendar_that_is_attached_is_only_a_file() -> None:
    part = f"Content-Type: text/calendar\nContent-Disposition: attachment; filename=a.ics\n\n{INVITATION}"
    assert parse(multipart(TEXT, part)).text == "The lift is stuck."


@pytest.mark.parametrize(
    ("source", "told"),
    [
        (INVITATION.replace("REQUEST", "CANCEL"), "Cancelled: Lift, second floor"),
        (INVITATION.replace("METHOD:REQUEST", "METHOD:REPLY").replace("NEEDS-ACTION", "DECLINED"), "Declined: Lift, second floor"),
        ("BEGIN:VEVENT\nSUMMARY:Fair\nDTSTART;VALUE=DATE:20260302\nDTEND;VALUE=DATE:20260304\n", "Event: Fair\nWhen: 2026-03-02 - 2026-03-04"),
        ("BEGIN:VEVENT\nSUMMARY:x\nDTSTART:20261399T990000Z\n", "Event: x\nWhen: 20261399T990000Z"),
        ("BEGIN:VEVENT\nSUMMARY:x\nDTSTART:20260302T100000Z\n", "Event: x\nWhen: 2026-03-02 10:00 UTC"),
        ("BEGIN:VTODO\nSUMMARY:x\nEND:VTODO", ""),
        ("no calendar", ""),
    ],
)  # fmt: skip
def test_calendars_of_every_kind(source: str, told: str) -> None:
    assert read_invitation(source).startswith(told)
    assert bool(read_invitation(source)) == bool(told)


def attribute(level: int, name: int, data: bytes) -> bytes:
    return struct.pack("<BHHI", level, name, 0, len(data)) + data + struct.pack("<H", sum(data) & 0xFFFF)


def properties(*items: tuple[int, int, bytes]) -> bytes:
    out = struct.pack("<I", len(items))
    for number, kind, data in items:
        out += struct.pack("<HHII", kind, number, 1, len(data)) + data + b"\0" * (-len(data) % 4)
    return out


def container(*attributes: bytes) -> bytes:
    return struct.pack("<IH", 0x223E9F78, 1) + attribute(1, 0x9007, struct.pack("<II", 1251, 0)) + b"".join(attributes)


FILE = attribute(2, 0x9002, b"\0" * 14) + attribute(2, 0x8010, b"plan~1.pdf\0") + attribute(2, 0x800F, b"%PDF-1.4\n")
LONG = attribute(2, 0x9005, properties((0x3707, 0x1F, "Größe.pdf\0".encode("utf-16le"))))
WORDS = attribute(1, 0x800C, "Лифт стоит\r\n\0".encode("cp1251"))
RICH = attribute(1, 0x9003, properties((0x1009, 0x102, b"LZFu")))


def winmail(data: bytes, *others: str) -> bytes:
    part = "Content-Type: application/ms-tnef; name=winmail.dat\nContent-Transfer-Encoding: base64\n\n"
    return multipart(*others, part + base64.encodebytes(data).decode())


def test_the_files_of_a_winmail_dat_stand_in_its_place() -> None:
    parsed = parse(winmail(container(WORDS, RICH, FILE, LONG), TEXT))
    assert [(f.filename, f.content, f.inline) for f in parsed.files] == [("Größe.pdf", b"%PDF-1.4\n", False)]
    assert parsed.text == "The lift is stuck."


def test_the_words_of_a_winmail_dat_count_when_the_mail_has_no_others() -> None:
    assert parse(winmail(container(WORDS, FILE))).text == "Лифт стоит"
    html = properties((0x3FDE, 0x3, b""), (0x1013, 0x102, "<p>Grüße".encode()))
    html = html.replace(struct.pack("<HHII", 3, 0x3FDE, 1, 0), struct.pack("<HHI", 3, 0x3FDE, 65001))
    assert parse(winmail(container(attribute(1, 0x9003, html)))).text == "Grüße"


@pytest.mark.parametrize(
    "data",
    [container(RICH), container(FILE)[:-5], b"x\x9f", container(), container(attribute(1, 0x9003, b"\xff" * 40))],
)
def test_a_winmail_dat_that_cannot_be_read_stays_whole(data: bytes) -> None:
    parsed = parse(winmail(data))
    assert [file.content for file in parsed.files] == [data]
    assert "winmail-unread" in parsed.defects


@pytest.mark.threat(26)
@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=60), st.integers(0, 300), st.integers(0, 0xFFFFFFFF))
def test_damaged_containers_end_soon(junk: bytes, at: int, number: int) -> None:
    """Counts of four thousand million are no reason to count."""
    data = container(
        WORDS, attribute(1, 0x9003, struct.pack("<IHHI", number, 0x1003, 0x3001, number) + junk), FILE, LONG
    )
    read_tnef(data)
    read_tnef(data[:at] + struct.pack("<I", number) + data[at + 4 :])
    read_signed(junk)
    read_signed(SIGNED[:at] + junk + SIGNED[at:])


def der(tag: int, *parts: bytes) -> bytes:
    data = b"".join(parts)
    size = bytes([len(data)]) if len(data) < 128 else b"\x82" + struct.pack(">H", len(data))
    return bytes([tag]) + size + data


INNER = b"Content-Type: text/plain; charset=utf-8\r\n\r\nGr\xc3\xbc\xc3\x9fe, the lift.\r\n"
DATA_OID, SIGNED_OID = der(6, bytes.fromhex("2a864886f70d010701")), der(6, bytes.fromhex("2a864886f70d010702"))
OPEN = der(2, b"\x01") + der(0x31)
SIGNED = der(0x30, SIGNED_OID, der(0xA0, der(0x30, OPEN, der(0x30, DATA_OID, der(0xA0, der(4, INNER))))))
# BER as Exchange writes it: lengths left open, the content in pieces.
CHUNKED = (
    b"\x30\x80" + SIGNED_OID + b"\xa0\x80\x30\x80" + der(2, b"\x01") + b"\x31\x80\0\0" + b"\x30\x80" + DATA_OID
    + b"\xa0\x80\x24\x80" + der(4, INNER[:30]) + der(4, INNER[30:]) + b"\0\0" * 6
)  # fmt: skip


@pytest.mark.parametrize("data", [SIGNED, CHUNKED])
def test_mail_signed_in_an_envelope_is_read(data: bytes) -> None:
    raw = mail(
        base64.encodebytes(data).decode(),
        Content_Type="application/pkcs7-mime; name=smime.p7m",
        Content_Transfer_Encoding="base64",
    )
    parsed = parse(raw)
    assert parsed.text == "Grüße, the lift."
    assert [file.filename for file in parsed.files] == ["smime.p7m"]
    assert "encrypted" not in parsed.defects


def test_mail_encrypted_in_an_envelope_is_kept_whole_and_said_to_be_so() -> None:
    data = der(0x30, der(6, bytes.fromhex("2a864886f70d010703")), der(0xA0, b""))
    raw = mail(
        base64.encodebytes(data).decode(), Content_Type="application/x-pkcs7-mime", Content_Transfer_Encoding="base64"
    )
    assert [file.content for file in parse(raw).files] == [data]
    assert "encrypted" in parse(raw).defects


def test_mail_signed_beside_its_text_is_read() -> None:
    signature = "Content-Type: application/pgp-signature; name=signature.asc\n\n-----BEGIN PGP SIGNATURE-----"
    parsed = parse(multipart(TEXT, signature, kind="signed"))
    assert (parsed.text, len(parsed.files)) == ("The lift is stuck.", 1)


def test_the_frame_of_signed_text_is_hidden() -> None:
    text = "-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA256\n\nThe lift.\n-----BEGIN PGP SIGNATURE-----\n\niQ==\n-----END PGP SIGNATURE-----"
    assert read(text).reply == "The lift."


def test_the_words_of_an_enclosed_mail_are_kept_beside_the_text() -> None:
    old = "From: Bo <bo@x.test>\nSubject: =?utf-8?q?Gr=C3=B6=C3=9Fe?=\n\nThere is smoke."
    parsed = parse(multipart(TEXT, f"Content-Type: message/rfc822\n\n{old}"))
    assert parsed.enclosed == "From: Bo <bo@x.test>\nSubject: Größe\n\nThere is smoke."
    assert (parsed.text, parsed.reply, parsed.hidden) == ("The lift is stuck.", "The lift is stuck.", "")


@pytest.mark.parametrize(
    ("kind", "sent", "text"),
    [
        ("flowed", "The lift \nis stuck.\n\nBye", "The lift is stuck.\n\nBye"),
        ("flowed; delsp=yes", "エレベ \nーター", "エレベーター"),
        ("flowed", "> one \n> two\n>> three \nfour", "> one two\n>> three \nfour"),
        ("flowed", "It works. \n-- \nAnn", "It works. \n-- \nAnn"),
        ("flowed", " From here\n  in", "From here\n in"),
        ("fixed", "The lift \nis stuck.", "The lift \nis stuck."),
    ],
)
def test_flowed_text_is_joined(kind: str, sent: str, text: str) -> None:
    assert read(sent, Content_Type=f"text/plain; charset=utf-8; format={kind}").text == text
