"""What stands below the words of a mail and says nothing: signatures, device lines, list footers."""

from __future__ import annotations

import re
from collections.abc import Callable

from gateway.parse.quotes import is_divider

MAX_LINE = 200
_MAX_SIGNATURE = 25
_MAX_FOOTER = 8

_SIGNATURE = re.compile(r"^(?:--|—|––)[ \t\xa0]*$")
_DASHED_NAME = re.compile(r"^-{1,2} ?[A-Z]\w+(?: [A-Z]\w+){0,2}$")
_FOOTER = re.compile(r"mailing list|unsubscribe|listinfo|https?://\S*list", re.IGNORECASE)

_DEVICE = (
    r"(?:my |the |a )?(?:(?i:phone|mobile|cell|device|tablet|handheld|iphone|ipad|ipod|android|blackberry|"
    r"samsung|galaxy|outlook|yahoo|mail|mailbox|airmail|gmail|proton|windows|aol|aqua mail|\[?mail\]?)\b|"
    r"[A-Z]\w*[- ]?\d|[A-Z]\w+ [A-Z0-9])"
)
# Words a device line has beside its verb, so that "Enviado de novo ontem" stays what it is: a sentence.
_THING = (
    r"(?:iphon|ipad|ipod|android|blackberry|samsung|galaxy|huawei|xiaomi|redmi|pixel|nokia|sony|xperia|motorola|oneplus|"
    r"outlook|yahoo|e?-?mail\b|proton|gmx|web\.de|gmail|windows|handy|smartphone|mobil|telefon|tel[eé]fono|t[ée]l[ée]phone|"
    r"appareil|celular|cellulare|móvil|puhelin|phone|tablet|айфон|телефон|почт|пошт|смартфон|устройств)"
)
_VERBS = (
    r"gesendet (?:von|mit|über|aus)|diese (?:nachricht|mail|e-mail) wurde (?:von|mit)|"
    r"envoy[ée] (?:de|depuis|à partir d|avec|par)|enviad[oa] (?:desde|do|da|de|a partir|com|con|via|pelo)|"
    r"inviato (?:da|dal|con|tramite)|verzonden (?:vanaf|met|via|van)|verstuurd (?:vanaf|met|via)|wys[łl]an[eoy] z|"
    r"skickat (?:från|med)|sänt från|sendt (?:fra|med|via)|lähetetty|отправлено (?:с|из|от|через)|"
    r"(?:надіслано|відправлено) (?:з|із|через|за)|(?:posl[áa]no|odesl[áa]no|odoslané) (?:z|ze|přes|pomocí)|elküldve|"
    r"trimis de pe|στάλθηκε από"
)
_ASIAN = (
    r"(?:iphone|ipad|android|私の|galaxy|xperia).{0,16}から送信|(?:发自|發自)我的|(?:从|從)我的 ?[\w ]{1,20}(?:发送|發送|傳送|寄出)|"
    r"(?:나의|내) .{1,20}에서 (?:보냄|보낸)|(?:iphone|ipad|galaxy|android)에서 (?:보냄|보낸)|.{1,20}(?:'|’)?(?:umdan|ımdan|imdan|"
    r"dan|den) gönderildi"
)
_GET = (
    r"get|download|holen sie sich|laden sie|téléchargez?|télécharger|obtenez|obtenir|obtener|obtén|descargar|obter|obtenha|"
    r"baixar|scarica|ottieni|pobierz|uzyskaj|hämta|skaffa|hent|skaff(?: deg)?|få|hanki|lataa|získat|získejte|stáhnout|"
    r"получить|скачать|скачайте|отримати|завантажити|获取|取得"
)
_SENT_FROM = re.compile(
    rf"^[ \t*_<(\[]{{0,20}}(?:(?i:sent) (?i:from|via|using|with|by) {_DEVICE}|"
    rf"(?i:(?:{_GET})\b[^.,!?]{{0,30}}outlook[^,!?]{{0,20}}(?:ios|android|mac|windows)\b|"
    r"outlook (?:für|voor|for) .{1,20}(?:beziehen|herunterladen|downloaden|を入手)|"
    r"(?:获取 ?|取得 ?)?(?:ios|android).{0,4} ?(?:için|版|용) outlook.{0,20}|"
    r"get \[?outlook for\b|from my (?:iphone|ipad|android|mobile|phone|blackberry)\b|"
    rf"(?:{_VERBS}).{{0,60}}{_THING}|von (?:meinem|meiner)(?:/meiner)? [^.!?]{{1,40}} gesendet\W*$|{_ASIAN}))"
)


def find_tail(lines: list[str], at: int, is_history: Callable[[int], bool]) -> int:
    """Where a signature, device line or list footer beginning at `at` ends; `at` when none begins.

    `is_history` tells whether a quotation or its announcement begins at a line.
    """
    line = lines[at]
    if len(line) > MAX_LINE:
        return at
    if _SIGNATURE.match(line):
        return _end(lines, at, is_history, _MAX_SIGNATURE)
    if line.startswith("-----BEGIN PGP SIG"):
        return _armour_end(lines, at)
    if is_device_line(line):
        return at + 1
    if at > 0 and not lines[at - 1].strip() and _DASHED_NAME.match(line):
        return _end(lines, at, is_history, 0)
    if is_divider(line) and "_" in line:
        end = _end(lines, at, is_history, _MAX_FOOTER)
        return end if any(_FOOTER.search(x[:500]) for x in lines[at:end]) else at
    return at


def _armour_end(lines: list[str], at: int) -> int:
    """Where the frame of signed text ends: its head with the hash, or the signature below (RFC 9580 section 7)."""
    if lines[at].startswith("-----BEGIN PGP SIGNED MESSAGE"):
        return at + 1 + sum(line.startswith("Hash: ") for line in lines[at + 1 : at + 3])
    end = next((n for n, line in enumerate(lines[at:], at + 1) if line.startswith("-----END PGP SIG")), at)
    return end


def is_device_line(line: str) -> bool:
    """Whether a program wrote the line: "Sent from my iPhone", "Get Outlook for iOS"."""
    return len(line) <= MAX_LINE and bool(_SENT_FROM.match(line))


def _end(lines: list[str], at: int, is_history: Callable[[int], bool], limit: int) -> int:
    """Where the tail stops: at the history below it or the end; `at` when it is too long to be one."""
    filled = 0
    for end in range(at + 1, len(lines)):
        if not lines[end].strip():
            continue
        if is_history(end) or (limit == 0 and is_divider(lines[end])):
            return end
        filled += 1
        if filled > limit:
            return at
    return len(lines)
