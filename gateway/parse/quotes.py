"""How mail programs announce what they quote, in the languages they speak."""

from __future__ import annotations

import re

MAX_LINE = 500
MAX_WRAP = 7

_MAX_REST = 140  # between the verb and the colon
_VERBS = re.compile(
    r"(?:\b(?:wrote|writes|said|schrieb|schreibt|geschrieben|a [ée]crit|[ée]crit|escribi[óo]|ha escrito|ha scritto|"
    r"scrisse|scritto|schreef|geschreven|escreveu|napisał|napisal|napsal|nap[ií]sal|napisana przez|"
    r"skrev|skrifaði|kirjoitti|написала?|пишет|написав|пише|pisze|írta|a scris|yazdı|"
    r"viết|έγραψε|je napisao|je napisal|rašė|rakstīja|kirjutas|menulis)\b|写道|寫道|書きました|のメッセージ|のメール|"
    r"작성|쓴 글|כתב|كتب)",
    re.IGNORECASE,
)
_COLON_END = re.compile(r"[:：][\s*>]*$")
_OPENER = re.compile(
    r"^\W{0,3}(?:on|at|am|le|el|il|op|em|in|no dia|às|w dniu|dnia|den|d\.|dne|dňa|på|pe|la|à|a|vào|tarihinde|στις|в|"
    r"v|kl|mon|tue|wed|thu|fri|sat|sun|wiadomość)\b|^\W{0,3}在",
    re.IGNORECASE,
)
_EVIDENCE = re.compile(r"\d{1,2}[./:-]\d{1,2}|\d{4}|(?<=[\w.+-])@[\w-]|<[^>]*>|mailto:")
_SENTENCE_END = re.compile(r"[^\W\d_]{3}[.!?…]$|[。！？]$")
_DATED_NAME = re.compile(
    r"^\W{0,3}(?:\d{4}[-/.]\d{1,2}[-/.]\d{1,2}|\d{1,2}[-/.]\d{1,2}[-/.]\d{2,4}|"
    r"\d{4}年 ?\d{1,2}月 ?\d{1,2}日)"
    r"[^\n<]{0,200}<\s?[^<>\s]{1,200}@[^<>\s]{1,200}>:?\s*$"
)
# A day, a time and an address in brackets before a colon: an announcement in whatever language.
_DAY = re.compile(r"\b(?:19|20)\d\d\b|\d{4}[年년]|\d{1,2}[./-] ?\d{1,2}[./-] ?\d{2}")
_HOUR = re.compile(r"(?<!\d)\d{1,2}[:.]\d\d(?!\d)")
_MAILBOX_END = re.compile(r"<(?:mailto:)?[^<>\s]{1,200}@[^<>\s]{1,200}>\)?\s?[:：]$")
_RULE = r"^[\s>]{0,20}[-_=*~—]{2,60}\s{0,9}"
_ORIGINAL = re.compile(
    _RULE + r"(?:original|original message|reply message|(?:antwort|reply) nachricht|original e-?mail|"
    r"urspr[üu]ngliche (?:nachricht|mail)|original(?:nachricht| ?-?nachricht)|"
    r"message (?:d'origine|original)|mensaje original|mensagem original|messaggio originale|(?:oorspronkelijk|origineel) bericht|"
    r"wiadomość oryginalna|oryginalna wiadomość|originalmeddelande|ursprungligt meddelande|"
    r"oprindelig (?:meddelelse|besked)|opprinnelig melding|alkuperäinen viesti|(?:исходное|первоначальное) сообщение|"
    r"(?:початкове|вихідне|оригінальне) повідомлення|původní (?:zpráva|e-?mail)|pôvodná správa|eredeti üzenet|"
    r"mesaj original|(?:orijinal|özgün) (?:mesaj|ileti)|原始邮件|原始郵件|元のメッセージ|원본 (?:메시지|메일))\s*[-_=*~—]*\s*:?\s*$",
    re.IGNORECASE,
)
_FORWARD = re.compile(
    _RULE + r"(?:forwarded (?:message|by .{1,80})|weitergeleitete (?:nachricht|e-?mail)|message (?:transféré|transmis|"
    r"réexpédié)|mensaje reenviado|mensagem (?:re)?encaminhada|messaggio inoltrato|doorgestuurd bericht|"
    r"(?:wiadomość przekazana(?: dalej)?|przekazana wiadomość)|vidarebefordrat (?:meddelande|brev)|"
    r"videresendt (?:meddelelse|melding|besked|e-post)|välitetty viesti|(?:пересылаемое|перенаправленное|пересланное) "
    r"сообщение|(?:переслане|перенаправлене) повідомлення|přeposlaná zpráva|"
    r"(?:iletilen|iletilmiş|yönlendirilen|yönlendirilmiş) (?:mesaj|ileti)|转发(?:的)?(?:邮件|消息)|轉寄(?:的)?(?:郵件|信件)|"
    r"転送(?:された)?メッセージ|전달된 (?:메시지|메일))\s*[-_=*~—]*\s*:?\s*$|"
    r"^\W*(?:begin forwarded message|anfang der weitergeleiteten (?:nachricht|e-mail)|"
    r"début du (?:message|courriel|e-mail) (?:transféré|réexpédié)|inizio (?:del )?messaggio inoltrato|"
    r"inicio del mensaje reenviado|início da mensagem (?:encaminhada|reenviada|reencaminhada)|"
    r"begin doorgestuurd bericht|początek przekazywanej wiadomości|vidarebefordrat (?:brev|meddelande)|"
    r"start på videresendt (?:besked|meddelelse)|videresendt (?:melding|besked)|välitetty viesti(?: alkaa)?|"
    r"začátek přeposílané zprávy|přeposlaná zpráva|начало (?:переадресованного|пересылаемого) (?:сообщения|письма)|"
    r"початок (?:переадресованого|пересланого) (?:повідомлення|листа)|(?:yönlendirilen|iletilen) ileti(?: başlangıcı)?|"
    r"転送されたメッセージ|下面是被转发的邮件|開始轉寄郵件|以下是轉寄的郵件|(?:아래는 )?전달된 (?:메시지|메일)(?:입니다)?)\s*[:：]\s*$",
    re.IGNORECASE,
)
_FORWARD_SUBJECT = re.compile(
    r"\s*(?:\[[^\]]{0,40}\]\s*)?(?:fwd?|wg|tr|rv|enc|i|doorst|pd|vb|vs|vl|přeposláno|předáno|ilt|i̇lt|転送|转发|轉寄|"
    r"전달)\s*[:：]",
    re.IGNORECASE,
)
_DIVIDER = re.compile(r"^\s*[-_=*~—]{5,}\s*$")

_FROM = (
    r"from|von|de|da|van|od|från|fra|lähettäjä|от|від|odesílatel|odosielateľ|feladó|kimden|gönderen|από|发件人|寄件者|"
    r"差出人|보낸 사람"
)
_SENT = (
    r"sent|gesendet|envoyé|enviado(?: el| em)?|enviada(?: em)?|inviato|verzonden|wysłano|wysłane|skickat|sendt|lähetetty|"
    r"отправлено|надіслано|odesláno|odoslané|küldve|gönderil(?:di|me(?: tarihi)?)|发送(?:时间|日期)|寄件日期|傳送時間|"
    r"送信日時|보낸 (?:날짜|시간)"
)
_TIME = _SENT + (r"|date|datum|fecha|data|dato|päivämäärä|päiväys|дата|tarih|日期|时间|日時|日付|날짜")
_REST = (
    r"to|cc|subject|reply-to|importance|attachments|an|betreff|kopie|à|objet|para|asunto|assunto|a|oggetto|aan|onderwerp|"
    r"do|temat|dw|udw|konu|till|ämne|til|emne|vastaanottaja|aihe|кому|тема|komu|předmět|předmet|predmet|címzett|tárgy|kime|konu|"
    r"收件人|抄送|主题|收件者|副本|主旨|宛先|件名|받는 사람|참조|제목"
)
_SUBJECT = (
    r"subject|betreff|objet|asunto|assunto|oggetto|onderwerp|temat|ämne|emne|aihe|тема|předmět|predmet|tárgy|konu|"
    r"主题|主旨|件名|제목"
)
_LEAD, _COLON = r"^[\s*_>]{0,20}", r"[\s*_\xa0]*[:：]"
_FROM_LINE = re.compile(rf"{_LEAD}(?:{_FROM}){_COLON}", re.IGNORECASE)
_TIME_LINE = re.compile(rf"{_LEAD}(?:{_TIME}){_COLON}.*\d", re.IGNORECASE)
_MAIL_LINE = re.compile(rf"{_LEAD}(?:{_SUBJECT}|{_SENT}){_COLON}|.*@", re.IGNORECASE)
_ANY_LINE = re.compile(rf"{_LEAD}(?:{_FROM}|{_TIME}|{_REST}){_COLON}", re.IGNORECASE)


def may_end_attribution(line: str) -> bool:
    """Whether an announcement could end with the line; most lines need no closer look."""
    end = line.rstrip()[-5:]
    return ":" in end or "：" in end or end.endswith(">")


def find_attribution(lines: list[str], at: int) -> int:
    """How many lines from `at` announce a quotation ("On ... wrote:"), 0 when they do not."""
    if len(lines[at]) > MAX_LINE:
        return 0
    led = bool(_OPENER.match(lines[at]))
    opened = led or bool(_EVIDENCE.search(lines[at]))
    joined, blanks = "", 0
    breaks: list[int] = []
    for count in range(1, min(MAX_WRAP, len(lines) - at) + 1):
        line = lines[at + count - 1].replace("\xa0", " ").strip()
        if len(line) > MAX_LINE:
            return 0
        if not line:
            blanks += 1
            # Only what is an announcement beyond doubt goes on behind a blank line.
            if blanks > 1 or not (led and _EVIDENCE.search(lines[at])) or _SENTENCE_END.search(joined):
                return 0
            continue
        if count > 1 and line.startswith(">") and not _says_wrote(line):
            return 0
        breaks += [len(joined)] if joined else []
        joined = f"{joined} {line}" if joined else line
        if len(joined) > MAX_LINE:
            return 0
        if _DATED_NAME.match(joined):
            return count
        if _COLON_END.search(joined[-5:]):
            told = (opened and _announces(joined)) or _is_signed_and_dated(joined)
            return count if told and not any(_begins_later(joined, place) for place in breaks) else 0
        if not opened:
            return 0
    return 0


def is_dated_attribution(lines: list[str]) -> bool:
    """Whether the lines of an announcement name a mailbox, or a day and an hour, as programs do and people seldom."""
    text = " ".join(lines)
    return bool("@" in text or (_DAY.search(text) and _HOUR.search(text)))


def _announces(text: str) -> bool:
    return bool(_says_wrote(text) and _EVIDENCE.search(text))


def _begins_later(text: str, place: int) -> bool:
    """Whether the line that ends at `place` is a sentence in front of an announcement, not its first line."""
    before, rest = text[:place], text[place + 1 :]
    if not _OPENER.match(rest) or not _announces(rest):
        return False
    return bool(_SENTENCE_END.search(before)) or not (before.endswith(",") or _EVIDENCE.search(before))


def _says_wrote(text: str) -> bool:
    """Whether a word for "wrote" stands shortly before the colon at the end, in the same sentence."""
    tail = text[-_MAX_REST - 40 :]
    verbs = [match.end() for match in _VERBS.finditer(tail)]
    return bool(verbs and _COLON_END.search(tail[-5:]) and not set(tail[verbs[-1] :]) & set("!?;"))


def _is_signed_and_dated(text: str) -> bool:
    return bool(_MAILBOX_END.search(text) and _DAY.search(text) and _HOUR.search(text))


def is_forward_subject(subject: str) -> bool:
    """Whether a subject begins with the sign by which programs pass mail on ("Fwd:", "WG:", "TR:")."""
    return bool(_FORWARD_SUBJECT.match(subject[:100]))


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
    if (":" not in first and "：" not in first) or len(first) > MAX_LINE:
        return 0
    if not (_FROM_LINE.match(first) or _TIME_LINE.match(first)):
        return 0
    block: list[str] = []
    for line in lines[at : at + 12]:
        if not line.strip() and (len(block) > 1 or not block):
            break
        block.append(line[:MAX_LINE])
    senders = sum(bool(_FROM_LINE.match(line)) for line in block)
    times = sum(bool(_TIME_LINE.match(line)) for line in block)
    hits = sum(bool(_ANY_LINE.match(line)) for line in block)
    if not any(_MAIL_LINE.match(line) for line in block):
        return 0  # "From: Rome, To: Milan, Date: 3 May" is what a customer orders
    told = hits >= 3 or (hits == 2 and times == 1 and bool(_FROM_LINE.match(first)))
    return len(block) if senders and told else 0
