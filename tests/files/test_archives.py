"""Archives are judged by their list of members, which must be true; nothing is unpacked."""

from __future__ import annotations

import io
import stat
import struct
import tarfile
import zipfile

import pytest

from store.rules.archives import MOST_MEMBERS
from tests.files.samples import PROGRAM, link, refusal, ruled, tarred, zipped

INSIDE = zipped({"notes.txt": "hello", "more/b.txt": "x"})
OUTSIDE = "a file in it would be written outside of its folder"


@pytest.mark.threat(48)
@pytest.mark.parametrize(
    "name",
    [
        "setup.exe", "a/b/run.SCR", "x.js", "x.vbs", "x.bat", "x.cmd", "x.ps1", "x.lnk", "x.hta", "x.jar", "x.msi", "x.docm",
        "x.xlsm", "report.pdf.exe", "x.exe. .", "x.exe ", "cod\u202etxt.exe", "x.e\u200bxe", "ｘ.ｅｘｅ", "x.txt:real.exe", "..\u2024exe",
        "x.iso", "x.img", "x.rar", "x.7z", "inner.zip", "logs.tar.gz",
    ],
)  # fmt: skip
def test_a_member_nobody_should_open_is_named_by_its_ending_only(name: str) -> None:
    for archive, kind in ((zipped({"ok.txt": "x", name: "x"}), ".zip"), (tarred("ok.txt", name), ".tar")):
        reason = refusal(f"a{kind}", archive)
        assert reason.startswith("there is ") and "report" not in reason


@pytest.mark.threat(48)
def test_a_program_needs_no_name_where_it_can_be_seen() -> None:
    assert refusal("a.zip", zipped({"readme": PROGRAM}, stored=True)) == "there is a program in it"
    assert refusal("a.tar", _tar_of("readme", b"\x7fELF\2\1\1")) == "there is a program in it"
    assert ruled("a.tar", _tar_of("readme", b"MZ is the beginning of a word")).verdict == "accepted"


@pytest.mark.threat(49)
@pytest.mark.parametrize(
    "name", ["../x.txt", "a/../../x.txt", "/etc/x.txt", "..\\x.txt", "C:\\x.txt", "\\\\host\\x.txt", "a/.. /x"]
)
def test_members_that_leave_their_folder_are_refused(name: str) -> None:
    assert refusal("a.zip", zipped({name: "x"})) == OUTSIDE
    assert refusal("a.tar", tarred(name)) == OUTSIDE
    assert refusal("a.tar", tarred(name, format=tarfile.GNU_FORMAT)) == OUTSIDE


@pytest.mark.threat(49)
@pytest.mark.parametrize(
    "members",
    [
        [link("a", "/etc/passwd")],
        [link("a", "../b")],
        [link("d/a", "../../b")],
        [link("a", "../b", tarfile.LNKTYPE)],
        [link("d", "."), link("d/e", "..")],
        [link("d", "e"), "d/x.txt"],
        [link("x" * 120, "../" * 60)],
    ],
)
def test_links_that_lead_out_of_a_tar_are_refused(members: list[tarfile.TarInfo | str]) -> None:
    for form in (tarfile.PAX_FORMAT, tarfile.GNU_FORMAT):
        assert refusal("a.tar", tarred(*members, format=form)) == "a link in it leads out of the archive"


def test_links_that_stay_inside_are_taken_and_packed_ones_are_not() -> None:
    assert (
        ruled("a.tar", tarred("d/a.txt", link("d/b", "../d/a.txt"), link("c", "d/a.txt", tarfile.LNKTYPE))).reason
        is None
    )
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        member = zipfile.ZipInfo("a")
        member.create_system, member.external_attr = 3, (stat.S_IFLNK | 0o777) << 16
        archive.writestr(member, "b")
    assert refusal("a.zip", out.getvalue()) == "there is a link in it"
    assert refusal("a.tar", tarred(link("a", "", tarfile.CHRTYPE))) == "there is something in it that is no file"


@pytest.mark.req("X-06")
@pytest.mark.threat(51)
def test_bombs_are_known_by_what_they_declare() -> None:
    assert refusal("z.zip", zipped({"0.bin": bytes(40 << 20)})) == "unpacked it is more than 250 times as large"
    assert ruled("z.zip", zipped({"0.bin": bytes(20 << 20)})).reason is None
    assert refusal("z.zip", _resized(INSIDE, 5 << 30)) == "unpacked it is larger than 4 GB"
    hole = tarfile.TarInfo("hole")
    hole.pax_headers = {"GNU.sparse.realsize": str(1 << 40), "GNU.sparse.major": "1"}
    assert refusal("z.tar", tarred(hole)) == "unpacked it is larger than 4 GB"


@pytest.mark.threat(51)
def test_members_are_counted() -> None:
    assert ruled("a.zip", zipped(dict.fromkeys(map(str, range(MOST_MEMBERS)), b""))).reason is None
    many = f"there are more than {MOST_MEMBERS} files in it"
    assert refusal("a.zip", zipped(dict.fromkeys(map(str, range(MOST_MEMBERS + 1)), b""))) == many
    assert refusal("a.tar", tarred(*map(str, range(MOST_MEMBERS + 1)))) == many


@pytest.mark.threat(51)
def test_members_that_share_their_bytes_are_a_bomb() -> None:
    listing = INSIDE.index(b"PK\1\2")
    second = INSIDE.index(b"PK\1\2", listing + 4)
    first_place = struct.pack("<I", 0)
    shared = bytearray(INSIDE)
    shared[second + 42 : second + 46] = first_place
    shared[second + 28 : second + 30] = struct.pack("<H", 10)
    assert refusal("a.zip", bytes(shared))


@pytest.mark.threat(27)
@pytest.mark.parametrize(
    ("spoilt", "reason"),
    [
        (b"MZ junk in front" + INSIDE, "the content is not what .zip says"),
        (INSIDE[: INSIDE.index(b"PK\1\2")] + b"x" * 9 + INSIDE[INSIDE.index(b"PK\1\2") :], "there is something else in front of the archive"),
        (INSIDE + b"x" * 9, "there is something else behind the archive"),
        (INSIDE + INSIDE, "there is something else in front of the archive"),
        (INSIDE.replace(b"notes.txt", b"notes.exe", 1), "its list of files is not true"),
        (INSIDE[:-30], "its content is damaged"),
        (INSIDE[: len(INSIDE) // 2], "its content is damaged"),
        (INSIDE.replace(b"PK\1\2", b"PK\1\3", 1), "its content is damaged"),
        (b"PK\3\4", "its content is damaged"),
    ],
)  # fmt: skip
def test_an_archive_has_one_reading(spoilt: bytes, reason: str) -> None:
    assert refusal("a.zip", spoilt) == reason


@pytest.mark.threat(27)
def test_a_member_left_out_of_the_list_is_found() -> None:
    hidden = zipped({"a.txt": "x" * 40, "run.exe": "y" * 40}, stored=True)
    listing = hidden.index(b"PK\1\2", hidden.index(b"PK\1\2") + 4)
    end = hidden.index(b"PK\5\6")
    shorter = bytearray(hidden[:listing] + hidden[end:])
    size = listing - hidden.index(b"PK\1\2")
    shorter[listing + 8 : listing + 16] = struct.pack("<HHI", 1, 1, size)
    assert refusal("a.zip", bytes(shorter)) == "its list of files is not true"


def test_zip64_streamed_encrypted_and_empty_archives_are_read() -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive, archive.open("big.exe", "w", force_zip64=True) as member:
        member.write(b"x")
    assert refusal("a.zip", out.getvalue()) == "there is a program or script in it (.exe)"
    assert ruled("a.zip", _with_zip64_end(INSIDE)).reason is None
    assert refusal("a.zip", _with_zip64_end(zipped({"b.exe": "x"}))) == "there is a program or script in it (.exe)"
    locked = bytearray(INSIDE)
    locked[INSIDE.index(b"PK\1\2") + 8] |= 1
    assert ruled("a.zip", bytes(locked)).reason is None
    assert ruled("a.zip", zipped({})).reason is None
    assert ruled("a.zip", INSIDE + b"\r\n").reason is None


@pytest.mark.parametrize(
    "spoilt",
    [
        tarred("a.txt")[:700],
        tarred("a.txt")[:512].replace(b"00000000000\0", b"00000077777\0", 1).ljust(1024, b"\0"),
        tarred("a.txt").replace(b"a.txt", b"b.exe", 1),
        tarred("a.txt") + INSIDE.ljust(512, b"\0"),
        b"x" * 1024,
    ],
)
def test_broken_tars_are_refused(spoilt: bytes) -> None:
    assert refusal("a.tar", spoilt)


@pytest.mark.parametrize("form", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_tars_of_every_form_are_taken_and_their_long_names_read(form: int) -> None:
    long = "/".join(["folder"] * 30)
    assert ruled("a.tar", tarred(f"{long}/a.txt", format=form)).reason is None
    assert refusal("a.tar", tarred(f"{long}/a.exe", format=form)) == "there is a program or script in it (.exe)"


def _tar_of(name: str, content: bytes) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        member = tarfile.TarInfo(name)
        member.size = len(content)
        archive.addfile(member, io.BytesIO(content))
    return out.getvalue()


def _resized(archive: bytes, size: int) -> bytes:
    """The archive with the first member's size declared in a Zip64 field."""
    at = archive.index(b"PK\1\2")
    name = int.from_bytes(archive[at + 28 : at + 30], "little")
    entry = bytearray(archive[at : at + 46 + name])
    entry[24:28], entry[30:32] = b"\xff" * 4, struct.pack("<H", 12)
    made = archive[:at] + bytes(entry) + struct.pack("<HHQ", 1, 8, size) + archive[at + 46 + name :]
    end = made.index(b"PK\5\6")
    return made[: end + 12] + struct.pack("<I", end - at) + made[end + 16 :]


def _with_zip64_end(archive: bytes) -> bytes:
    end = archive.index(b"PK\5\6")
    count, size, start = struct.unpack_from("<HII", archive, end + 10)
    record = struct.pack("<4sQHHIIQQQQ", b"PK\6\6", 44, 45, 45, 0, 0, count, count, size, start)
    locator = struct.pack("<4sIQI", b"PK\6\7", 0, end, 1)
    return (
        archive[:end]
        + record
        + locator
        + struct.pack("<4sHHHHIIH", b"PK\5\6", 0, 0, 0xFFFF, 0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF, 0)
    )
