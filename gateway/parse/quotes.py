"""How mail programs announce what they quote, in the languages they speak."""

from __future__ import annotations

import re

MAX_LINE = 500
_MAX_WRAP = 7

_VERBS = re.compile(
    r"(?:\b(?:wrote|writes|said|schrieb|schreibt|geschrieben|a [ée]crit|[ée]crit|escribi[óo]|ha escrito|ha scritto|"
    r"scrisse|scritto|schreef|geschreven|escreveu|napisał(?:\(a\)|a|/a)?|napisal|napsal(?:\(a\)|a)?|nap[ií]sal|"
    r"skrev|skrifaði|kirjoitti|написал(?:\(а\)|а)?|пишет|написав(?:\(ла\))?|пише|írta|a scris|yazdı|"
    r"viết|έγραψε|je napisao|je napisal|rašė|rakstīja|kirjutas|menulis)\b|写道|寫道|さんは書きました|のメッセージ|"
    r"작성|כתב|كتب)"
    r"[\w ,.<>@()/\"'“”\[\]|*+-]{0,120}(?::[\w ,.]{0,20})?[:：]\W*$",
    re.IGNORECASE,
)
_OPENER = re.compile(
    r"^\W{0,3}(?:on|at|am|le|el|il|op|em|in|w dniu|dnia|den|d\.|dne|dňa|på|pe|la|à|a|vào|tarihinde|στις|в|"
    r"v|kl|mon|tue|wed|thu|fri|sat|sun)\b",
    re.IGNORECASE,
)
_EVIDENCE = re.compile(r"\d{1,2}[./:-]\d{1,2}|\d{4}|[\w.+-]@[\w-]|<[^>]*>|mailto:")
_DATED_NAME = re.compile(
    r"^\W{0,3}(?:\d{4}[-/.]\d{1,2}[-/.]\d{1,2}|\d{1,2}[-/.]\d{1,2}[-/.]\d{2,4}|"
    r"\d{4}年 ?\d{1,2}月 ?\d{1,2}日)"
    r"[^\n<]{0,200}<\s?[^<>\s]{1,200}@[^<>\s]{1,200}>:?\s*$"
)
_RULE = r"^[\s>]*[-_=*~—]{2,}\s*"
_ORIGINAL = re.compile(
    _RULE + r"(?:original|original message|reply message|(?:antwort|reply) nachricht|original e-?mail|"
    r"urspr[üu]ngliche (?:nachricht|mail)|original(?:nachricht| ?-?nachricht)|"
    r"message (?:d'origine|original)|mensaje original|mensagem original|messaggio originale|oorspronkelijk bericht|"
    r"wiadomość oryginalna|oryginalna wiadomość|originalmeddelande|ursprungligt meddelande|"
    r"oprindelig (?:meddelelse|besked)|opprinnelig melding|alkuperäinen viesti|исходное сообщение|"
    r"původní zpráva|pôvodná správa|eredeti üzenet|mesaj original|orijinal mesaj|原始邮件|原始郵件|元のメッセージ|"
    r"원본 메시지)\s*[-_=*~—]*\s*:?\s*$",
    re.IGNORECASE,
)
_FORWARD = re.compile(
    _RULE + r"(?:forwarded (?:message|by .{1,80})|weitergeleitete nachricht|message (?:transféré|transmis)|"
    r"mensaje reenviado|mensagem encaminhada|messaggio inoltrato|doorgestuurd bericht|wiadomość przekazana|"
    r"vidarebefordrat meddelande|videresendt (?:meddelelse|melding)|пересылаемое сообщение|přeposlaná zpráva|"
    r"转发(?:的)?邮件|轉寄郵件)\s*[-_=*~—]*\s*:?\s*$|"
    r"^\W*(?:begin forwarded message|anfang der weitergeleiteten (?:nachricht|e-mail)|"
    r"début du message (?:transféré|réexpédié)|inizio messaggio inoltrato)\s*:\s*$",
    re.IGNORECASE,
)
_DIVIDER = re.compile(r"^\s*[-_=*~—]{5,}\s*$")

_FROM = (
    r"from|von|de|da|van|od|från|fra|lähettäjä|от|від|odesílatel|odosielateľ|feladó|kimden|gönderen|από|发件人|寄件者|"
    r"差出人|보낸 사람"
)
_TIME = (
    r"sent|date|gesendet|datum|envoyé|enviado(?: el| em)?|enviada(?: em)?|fecha|data|inviato|verzonden|wysłano|wysłane|"
    r"skickat|sendt|lähetetty|отправлено|дата|odesláno|odoslané|küldve|gönderilme(?: tarihi)?|发送时间|日期|寄件日期|"
    r"送信日時|보낸 날짜"
)
_REST = (
    r"to|cc|subject|reply-to|importance|attachments|an|betreff|kopie|à|objet|para|asunto|assunto|a|oggetto|aan|onderwerp|"
    r"do|temat|dw|till|ämne|til|emne|vastaanottaja|aihe|кому|тема|komu|předmět|předmet|predmet|címzett|tárgy|kime|konu|"
    r"收件人|主题|收件者|主旨|宛先|件名|받는 사람|제목"
)
_LEAD, _COLON = r"^[\s*_>]*", r"[\s*_\xa0]*[:：]"
_FROM_LINE = re.compile(rf"{_LEAD}(?:{_FROM}){_COLON}", re.IGNORECASE)
_TIME_LINE = re.compile(rf"{_LEAD}(?:{_TIME}){_COLON}.*\d", re.IGNORECASE)
_ANY_LINE = re.compile(rf"{_LEAD}(?:{_FROM}|{_TIME}|{_REST}){_COLON}", re.IGNORECASE)


def find_attribution(lines: list[str], at: int) -> int:
    """How many lines from `at` announce a quotation ("On ... wrote:"), 0 when they do not."""
    if len(lines[at]) > MAX_LINE:
        return 0
    opened = bool(_OPENER.match(lines[at]) or _EVIDENCE.search(lines[at]))
    joined, blanks = "", 0
    for count in range(1, min(_MAX_WRAP, len(lines) - at) + 1):
        line = lines[at + count - 1].replace("\xa0", " ").strip()
        if len(line) > MAX_LINE:
            return 0
        if not line:
            blanks += 1
            if blanks > 1:
                return 0
            continue
        if count > 1 and line.startswith(">") and not _VERBS.search(line):
            return 0
        joined = f"{joined} {line}" if joined else line
        if len(joined) > MAX_LINE:
            return 0
        if _DATED_NAME.match(joined):
            return count
        if line.endswith((":", "：", ":*", ":>", ": >")):
            return count if opened and _VERBS.search(joined) and _EVIDENCE.search(joined) else 0
        if not opened:
            return 0
    return 0


def is_original_mark(line: str) -> bool:
    """Whether the line is a rule with words such as "Original Message"."""
    return len(line) < MAX_LINE and bool(_ORIGINAL.match(line))


def is_forward_mark(line: str) -> bool:
    """Whether the line says that a mail is passed on; what follows is news to the reader."""
    return len(line) < MAX_LINE and bool(_FORWARD.match(line))


def is_divider(line: str) -> bool:
    """Whether the line is nothing but a rule."""
    return len(line) < MAX_LINE and bool(_DIVIDER.match(line))


def count_header_block(lines: list[str], at: int) -> int:
    """The length of a copied header (From, Sent, To, Subject in any language) that begins here, 0 when none does."""
    first = lines[at]
    if len(first) > MAX_LINE or not (_FROM_LINE.match(first) or _TIME_LINE.match(first)):
        return 0
    block: list[str] = []
    for line in lines[at : at + 12]:
        if not line.strip() and (len(block) > 1 or not block):
            break
        block.append(line[:MAX_LINE])
    senders = sum(bool(_FROM_LINE.match(line)) for line in block)
    times = sum(bool(_TIME_LINE.match(line)) for line in block)
    hits = sum(bool(_ANY_LINE.match(line)) for line in block)
    told = hits >= 3 or (hits == 2 and times == 1 and bool(_FROM_LINE.match(first)))
    return len(block) if senders and told else 0
