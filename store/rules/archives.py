"""What a desk takes inside an archive, judged by the list of its members alone (threats 48, 49 and 51)."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate

from store.rules.filetypes.unsound import Unsound, is_program
from store.rules.filetypes.zips import Member

MOST_MEMBERS = 5_000
MOST_UNPACKED = 4 << 30  # bytes, of all members
_MODEST = 32 << 20  # bytes unpacked that harm nobody, however well they pack
_RATIO = 250  # logs and tables reach 100; what deflate can do at most is 1032

# What opens as a program on a desktop: the list of Gmail (support.google.com/mail/answer/6590), and its like.
PROGRAMS = frozenset(
    """
    ade adp apk appimage application appref-ms appx appxbundle bat chm cmd com command cpl deb desktop diagcab diagcfg diagpkg
    dll ex ex_ exe gadget hta inf ins isp iqy jar jnlp js jse library-ms lnk mde mjs msc msi msix msixbundle msp mst nsh
    pif pkg ps1 ps1xml ps2 psc1 psm1 reg rpm run scf scr sct search-ms settingcontent-ms shb shs slk sys url vb vbe vbs vxd
    website ws wsc wsf wsh xbap xll
    """.split()  # noqa: SIM905
)
MACROS = frozenset("docm dotm potm ppam ppsm pptm sldm xlam xlm xlsb xlsm xltm".split())  # noqa: SIM905
# Only unpacking would tell what is in one, and so it would be the way around every rule here; a bomb's favourite too.
ARCHIVES = frozenset(
    """
    7z ace alz arj bz2 bzip2 cab cpio daa dmg egg gz gzip img iso lha lz lz4 lzh lzma rar tar taz tbz tbz2 tgz txz tz uue
    vhd vhdx wim xar xz z zip zipx zst
    """.split()  # noqa: SIM905
)

_PLAIN = re.compile(r"[A-Za-z0-9_ ()+,;=@&'#!$%~\[\]{}^-][A-Za-z0-9_ ()+,;=@&'#!$%~\[\]{}^./-]*")
_DRIVE = re.compile(r"[a-z]:", re.IGNORECASE)


def check_members(content: bytes, members: Iterable[Member], *, nested: bool = False) -> None:
    """Raises Unsound for a member nobody should open or unpack. `nested`: archives inside are part of the type."""
    links: set[str] = set()
    for member in members:
        for name in member.names:
            for path in _readings(name):
                _check_path(path)
                _check_ending(path, nested)
        if member.start and member.method == 0 and not member.encrypted and is_program(content, member.start):
            raise Unsound("there is a program in it")
        if member.link:
            _check_link(member)
            links.update(_clean(name) for name in member.names)
    if links and any(parent in links for m in members for name in m.names for parent in _parents(_clean(name))):
        raise Unsound("a link in it leads out of the archive")


def check_sizes(members: Sequence[Member], packed: int) -> None:
    """Raises Unsound when `packed` bytes say they become more than a computer should be asked to hold."""
    unpacked = sum(member.size for member in members)
    if unpacked > MOST_UNPACKED:
        raise Unsound(f"unpacked it is larger than {MOST_UNPACKED >> 30} GB")
    if unpacked > _MODEST and unpacked > packed * _RATIO:
        raise Unsound(f"unpacked it is more than {_RATIO} times as large")


def _readings(name: str) -> Iterator[str]:
    """The name as programs read it: with either slash, without what is invisible, up to a NUL or behind a colon."""
    if _PLAIN.fullmatch(name):
        yield name
        return
    if _DRIVE.match(name):
        raise Unsound("a file in it would be written outside of its folder")
    for piece in [name, *re.split("[\0:]", name)[:10]]:
        text = unicodedata.normalize("NFKC", piece)
        yield "".join(c for c in text if unicodedata.category(c) not in ("Cc", "Cf", "Cs", "Co")).replace("\\", "/")


def _check_path(path: str) -> None:
    if path.startswith("/") or (".." in path and any(step.rstrip(" ") == ".." for step in path.split("/"))):
        raise Unsound("a file in it would be written outside of its folder")


def _check_ending(path: str, nested: bool) -> None:
    stem, dot, ending = path.rpartition("/")[2].rstrip(". ").rpartition(".")
    if not dot or not (stem or ending):
        return
    kind = ending.strip().lower()
    if kind in PROGRAMS:
        raise Unsound(f"there is a program or script in it (.{kind})")
    if kind in MACROS:
        raise Unsound(f"there is a document with macros in it (.{kind})")
    if kind in ARCHIVES and not nested:
        raise Unsound(f"there is another archive in it (.{kind}); please send its files in one archive")


def _check_link(member: Member) -> None:
    """A link may lead to a place inside the archive only; one whose target is packed could lead anywhere."""
    if not member.targets:
        raise Unsound("there is a link in it")
    for name in member.names:
        for target in member.targets:
            if target.startswith("//"):
                path = target[2:]
            else:
                path = f"{name.rpartition('/')[0]}/{target}" if "/" in name and not target.startswith("/") else target
            if path.startswith("/") or _DRIVE.match(path) or "\\" in path or _climbs(path):
                raise Unsound("a link in it leads out of the archive")


def _climbs(path: str) -> bool:
    moves = (-1 if step == ".." else 1 for step in path.split("/") if step not in ("", "."))
    return any(depth < 0 for depth in accumulate(moves))


def _clean(path: str) -> str:
    return "/".join(step for step in path.split("/") if step not in ("", "."))


def _parents(path: str) -> Iterator[str]:
    place = path.find("/")
    while place > 0:
        yield path[:place]
        place = path.find("/", place + 1)
