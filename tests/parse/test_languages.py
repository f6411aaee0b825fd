"""Replies as mail programs write them, in the languages people set them to."""

from __future__ import annotations

import pytest

from gateway.parse.reply import split_reply

MAIL = "<help@desk.test>"
# Language -> how Gmail, Apple Mail, Thunderbird and others announce a quotation there.
ANNOUNCED: dict[str, list[str]] = {
    "en": [
        f"On Mon, Mar 2, 2026 at 10:00 AM Desk Team {MAIL} wrote:",
        f"On 2 Mar 2026, at 10:00, Desk Team {MAIL} wrote:",
        "On 3/2/26 10:00, Desk Team wrote:",
        f"On Monday, March 2, 2026 at 10:00:00 AM GMT+1, Desk Team {MAIL} wrote:",
        f"On Monday, March 2nd, 2026 at 10:00, Desk Team {MAIL} wrote:",
    ],
    "de": [
        f"Am Mo., 2. März 2026 um 10:00 Uhr schrieb Desk Team {MAIL}:",
        f"Desk Team {MAIL} schrieb am Mo., 2. März 2026, 10:00:",
        "Am 02.03.26 um 10:00 schrieb Desk Team:",
        f"Am Montag, 2. März 2026 um 10:00:00 MEZ hat Desk Team {MAIL} Folgendes geschrieben:",
    ],
    "fr": [
        f"Le lun. 2 mars 2026 à 10:00, Desk Team {MAIL} a écrit :",
        "Le 02/03/2026 à 10:00, Desk Team a écrit\u00a0:",
        f"Le lundi 2 mars 2026 à 10:00:00 UTC+1, Desk Team\n{MAIL} a écrit :",
    ],
    "es": [
        f"El lun, 2 mar 2026 a las 10:00, Desk Team ({MAIL}) escribió:",
        f"El 2 mar 2026, a las 10:00, Desk Team {MAIL} escribió:",
        "El 2/3/26 a las 10:00, Desk Team escribió:",
        f"En lunes, 2 de marzo de 2026, 10:00:00 CET, Desk Team {MAIL} escribió:",
    ],
    "pt": [
        f"Em seg., 2 de mar. de 2026 às 10:00, Desk Team {MAIL} escreveu:",
        f"Desk Team {MAIL} escreveu (segunda, 2/03/2026 à(s) 10:00):",
        "Às 10:00 de 02/03/2026, Desk Team escreveu:",
        f"No dia 02/03/2026, às 10:00, Desk Team {MAIL} escreveu:",
    ],
    "it": [
        f"Il giorno lun 2 mar 2026 alle ore 10:00 Desk Team {MAIL} ha scritto:",
        "Il 02/03/2026 10:00, Desk Team ha scritto:",
        f"Il lunedì 2 marzo 2026 alle ore 10:00:00 CET, Desk Team\n{MAIL} ha scritto:",
    ],
    "nl": [
        f"Op ma 2 mrt 2026 om 10:00 schreef Desk Team {MAIL}:",
        f"Op 2 mrt. 2026, om 10:00 heeft Desk Team {MAIL} het volgende geschreven:",
        "Op 02-03-2026 om 10:00 schreef Desk Team:",
    ],
    "pl": [
        f"pon., 2 mar 2026 o 10:00 Desk Team {MAIL} napisał(a):",
        f"Wiadomość napisana przez Desk Team {MAIL} w dniu 2 mar 2026, o godz. 10:00:",
        "W dniu 2.03.2026 o 10:00, Desk Team pisze:",
    ],
    "sv": [
        f"Den mån 2 mars 2026 kl 10:00 skrev Desk Team {MAIL}:",
        f"2 mars 2026 kl. 10:00 skrev Desk Team {MAIL}:",
        "Den 2026-03-02 kl. 10:00, skrev Desk Team:",
    ],
    "da": [
        f"Den man. 2. mar. 2026 kl. 10.00 skrev Desk Team {MAIL}:",
        "Den 02.03.2026 kl. 10.00 skrev Desk Team:",
    ],
    "no": [
        f"man. 2. mars 2026 kl. 10:00 skrev Desk Team {MAIL}:",
        f"2. mars 2026 kl. 10:00 skrev Desk Team {MAIL}:",
        "Den 02.03.2026 10:00, skrev Desk Team:",
    ],
    "fi": [
        "ma 2. maalisk. 2026 klo 10.00 Desk Team (help@desk.test) kirjoitti:",
        f"Desk Team {MAIL} kirjoitti 2.3.2026 kello 10.00:",
        "Desk Team kirjoitti 2.3.2026 klo 10.00:",
    ],
    "cs": [
        f"po 2. 3. 2026 v 10:00 odesílatel Desk Team {MAIL} napsal:",
        f"2. 3. 2026 v 10:00, Desk Team {MAIL}:",
        "Dne 02. 03. 26 v 10:00 Desk Team napsal(a):",
    ],
    "ru": [
        f"пн, 2 мар. 2026 г. в 10:00, Desk Team {MAIL}:",
        f"2 марта 2026 г., в 10:00, Desk Team {MAIL} написал(а):",
        "02.03.2026 10:00, Desk Team пишет:",
        f"Понедельник, 2 марта 2026, 10:00 +03:00 от Desk Team {MAIL}:",
    ],
    "uk": [
        f"пн, 2 бер. 2026 р. о 10:00 Desk Team {MAIL} пише:",
        f"2 бер. 2026 р. о 10:00 Desk Team {MAIL} написав(-ла):",
        "02.03.26 10:00, Desk Team пише:",
    ],
    "tr": [
        f"Desk Team {MAIL}, 2 Mar 2026 Pzt, 10:00 tarihinde şunu yazdı:",
        f"Desk Team {MAIL} şunları yazdı (2 Mar 2026 10:00):",
        "2.03.2026 10:00 tarihinde Desk Team yazdı:",
    ],
    "ja": [
        f"2026年3月2日(月) 10:00 Desk Team {MAIL}:",
        f"2026/03/02 10:00、Desk Team {MAIL}のメール：",
        "On 2026/03/02 10:00, Desk Team wrote:",
    ],
    "zh": [
        f"Desk Team {MAIL} 于2026年3月2日周一 10:00写道：",
        f"Desk Team {MAIL} 於 2026年3月2日 週一 上午10:00寫道：",
        f"在 2026年3月2日，10:00，Desk Team {MAIL} 写道：",
        "在 2026/3/2 10:00, Desk Team 写道:",
    ],
    "ko": [
        f"2026년 3월 2일 (월) 오전 10:00, Desk Team {MAIL}님이 작성:",
        f"2026. 3. 2. 오전 10:00, Desk Team {MAIL} 작성:",
        "2026-03-02 오전 10:00에 Desk Team 이(가) 쓴 글:",
    ],
}
# The header Outlook copies above what it answers: sender, time, recipient, subject.
COPIED: dict[str, str] = {
    "en": "From: |Sent: |To: |Subject: ",
    "de": "Von: |Gesendet: |An: |Betreff: ",
    "fr": "De : |Envoyé : |À : |Objet : ",
    "es": "De: |Enviado el: |Para: |Asunto: ",
    "es-mobile": "De: |Enviado: |Para: |Asunto: ",
    "pt": "De: |Enviada em: |Para: |Assunto: ",
    "it": "Da: |Inviato: |A: |Oggetto: ",
    "nl": "Van: |Verzonden: |Aan: |Onderwerp: ",
    "pl": "Od: |Wysłano: |Do: |Temat: ",
    "sv": "Från: |Skickat: |Till: |Ämne: ",
    "da": "Fra: |Sendt: |Til: |Emne: ",
    "no-apple": "Fra: |Dato: |Til: |Emne: ",
    "fi": "Lähettäjä: |Lähetetty: |Vastaanottaja: |Aihe: ",
    "cs": "Od: |Odesláno: |Komu: |Předmět: ",
    "ru": "От: |Отправлено: |Кому: |Тема: ",
    "uk": "Від: |Надіслано: |Кому: |Тема: ",
    "tr": "Kimden: |Gönderildi: |Kime: |Konu: ",
    "ja": "差出人: |送信日時: |宛先: |件名: ",
    "zh": "发件人: |发送时间: |收件人: |主题: ",
    "zh-tw": "寄件者: |寄件日期: |收件者: |主旨: ",
    "ko": "보낸 사람: |보낸 날짜: |받는 사람: |제목: ",
}
RULES = [
    "-----Original Message-----", "-----Ursprüngliche Nachricht-----", "-----Message d'origine-----",
    "-----Mensaje original-----", "-----Mensagem original-----", "-----Messaggio originale-----",
    "-----Oorspronkelijk bericht-----", "-----Oryginalna wiadomość-----", "-----Ursprungligt meddelande-----",
    "-----Oprindelig meddelelse-----", "-----Opprinnelig melding-----", "-----Alkuperäinen viesti-----",
    "---------- Původní e-mail ----------", "-----Исходное сообщение-----", "-----Початкове повідомлення-----",
    "-----Özgün İleti-----", "-----元のメッセージ-----", "-----原始邮件-----", "-----原始郵件-----", "-----원본 메시지-----",
    "------- Original Message -------",
]  # fmt: skip
FORWARDED = [
    "---------- Forwarded message ---------", "Begin forwarded message:", "-------- Weitergeleitete Nachricht --------",
    "Anfang der weitergeleiteten Nachricht:", "-------- Message transféré --------", "Début du message réexpédié :",
    "-------- Mensaje reenviado --------", "Inicio del mensaje reenviado:", "-------- Mensagem encaminhada --------",
    "Início da mensagem reencaminhada:", "-------- Messaggio Inoltrato --------", "Inizio messaggio inoltrato:",
    "-------- Doorgestuurd bericht --------", "Begin doorgestuurd bericht:", "-------- Przekazana wiadomość --------",
    "Początek przekazywanej wiadomości:", "-------- Vidarebefordrat meddelande --------", "Vidarebefordrat brev:",
    "-------- Videresendt besked --------", "Start på videresendt besked:", "-------- Videresendt melding --------",
    "-------- Välitetty viesti --------", "Välitetty viesti alkaa:", "-------- Přeposlaná zpráva --------",
    "Začátek přeposílané zprávy:", "-------- Перенаправленное сообщение --------",
    "Начало переадресованного сообщения:", "-------- Переслане повідомлення --------",
    "Початок переадресованого повідомлення:", "-------- İletilmiş İleti --------", "Yönlendirilen ileti başlangıcı:",
    "-------- 転送されたメッセージ --------", "転送されたメッセージ:", "-------- 转发的消息 --------", "下面是被转发的邮件：",
    "-------- 轉寄郵件 --------", "-------- 전달된 메시지 --------", "전달된 메시지:",
]  # fmt: skip
DEVICES = [
    "Sent from my iPhone", "Von meinem iPhone gesendet", "Envoyé de mon iPhone", "Enviado desde mi iPhone",
    "Enviado do meu iPhone", "Inviato da iPhone", "Verstuurd vanaf mijn iPhone", "Wysłane z iPhone'a",
    "Skickat från min iPhone", "Sendt fra min iPhone", "Lähetetty iPhonesta", "Odesláno z iPhonu",
    "Отправлено с iPhone", "Надіслано з iPhone", "iPhone'umdan gönderildi", "iPhoneから送信", "发自我的 iPhone",
    "從我的iPhone傳送", "나의 iPhone에서 보냄", "Sent from my Galaxy", "Von meinem/meiner Galaxy gesendet",
    "Envoyé depuis mon appareil Galaxy", "Enviado desde mi Galaxy", "Inviato dal mio Galaxy",
    "Verzonden vanaf mijn Galaxy", "Get Outlook for iOS", "Get Outlook for Android<https://aka.ms/AAb9ysg>",
    "Holen Sie sich Outlook für iOS", "Outlook für Android herunterladen", "Télécharger Outlook pour iOS",
    "Obtener Outlook para iOS", "Obter o Outlook para iOS", "Scarica Outlook per Android",
    "Outlook voor iOS downloaden", "Pobierz program Outlook dla systemu iOS", "Hämta Outlook för iOS",
    "Hent Outlook til iOS", "Skaff deg Outlook for iOS", "Hanki Outlook for iOS", "Získat Outlook pro iOS",
    "Получить Outlook для iOS", "Отримати Outlook для iOS", "iOS için Outlook'u edinin", "Outlook for iOS を入手",
    "获取 Outlook for iOS", "取得 iOS 版 Outlook", "iOS용 Outlook 다운로드", "Sent with Proton Mail secure email.",
    "Sent from Yahoo Mail for iPhone", "Gesendet mit der GMX Mail App",
    "Envoyé avec la messagerie sécurisée Proton Mail.", "Enviado con Proton Mail", "Sent from Outlook for Android",
]  # fmt: skip

NEW = "Ça marche, danke!\n\nСпасибо 3"
OLD = "> Is it repaired?\n> The desk"


@pytest.mark.req("BR-01")
@pytest.mark.parametrize(("language", "announcement"), [(key, a) for key, found in ANNOUNCED.items() for a in found])
def test_a_quotation_is_found_by_its_announcement(language: str, announcement: str) -> None:
    for text in (f"{NEW}\n\n{announcement}\n{OLD}\n", f"{announcement}\n{OLD}\n\n{NEW}\n"):
        assert split_reply(text) == (NEW, f"{announcement}\n{OLD}")
    unquoted = f"{announcement}\n\nIs it repaired?"
    assert split_reply(f"{NEW}\n\n{unquoted}\n") == (NEW, unquoted)


@pytest.mark.req("BR-01")
@pytest.mark.parametrize("language", COPIED)
@pytest.mark.parametrize("rule", ["", "________________________________\n"])
def test_a_copied_header_ends_the_reply(language: str, rule: str) -> None:
    values = (f"Desk Team {MAIL}", "2026-03-02 10:00", "Ann Lee <ann@shop.test>", "[HO#1001] Screen")
    block = "\n".join(label + value for label, value in zip(COPIED[language].split("|"), values, strict=True))
    bare = block.replace(f" {MAIL}", "").replace(" <ann@shop.test>", "")
    for header in (block, bare):
        reply, hidden = split_reply(f"{NEW}\n\n{rule}{header}\n\nIs it repaired?\n")
        assert reply == NEW
        assert hidden.endswith("Is it repaired?")


@pytest.mark.parametrize("rule", RULES)
def test_a_rule_with_words_ends_the_reply(rule: str) -> None:
    assert split_reply(f"{NEW}\n\n{rule}\nIs it repaired?") == (NEW, f"{rule}\nIs it repaired?")


@pytest.mark.parametrize("mark", FORWARDED)
def test_forwarded_mail_is_kept(mark: str) -> None:
    block = f"{mark}\n\nFrom: Bo <bo@x.test>\nDate: Mon, 2 Mar 2026 10:00\nSubject: Smoke\n\nThere is smoke."
    assert split_reply(f"{NEW}\n\n{block}") == (f"{NEW}\n\n{block}", "")
    assert split_reply(block)[0] == "There is smoke."


@pytest.mark.parametrize("line", DEVICES)
def test_a_line_of_the_telephone_is_hidden(line: str) -> None:
    assert split_reply(f"{NEW}\n\n{line}\n\n{ANNOUNCED['en'][0]}\n{OLD}")[0] == NEW


@pytest.mark.parametrize(
    "sentence",
    [
        "Enviado de novo ontem, sem resposta.", "Gesendet mit DHL, Sendung 4711.", "Envoyé de Lyon hier soir.",
        "Verzonden via PostNL op maandag", "Inviato da Roma ieri", "Outlook for iOS does not open.",
        "Get Outlook to work again, please", "Sent from the warehouse on Monday", "Wysłane z Gdańska wczoraj",
        "From: Rome\nTo: Milan\nDate: 3 May", "Von: Bonn\nAn: Ulm\nDatum: 3.5.2026 um 10:00", "Le client a écrit : non",
        "On Monday she wrote:\nno, and on Tuesday too", "Am Montag schrieb ich: es geht nicht",
        "Regards to your team, and please call 555", "Da: 3 pezzi", "2026-03-02 10:00: the lamp went out",
    ],
)  # fmt: skip
def test_a_sentence_is_never_hidden(sentence: str) -> None:
    text = f"Hello desk\n\n{sentence}\n\nPlease help"
    assert split_reply(text) == (text, "")


def test_answers_between_the_lines_keep_what_they_answer() -> None:
    head = ANNOUNCED["fi"][0]
    reply, hidden = split_reply(f"See below.\n\n{head}\n> One?\nYes, since noon.\n> Two?\nNo.\n> Three?\n")
    assert [line for line in reply.split("\n") if line.strip() and not line.startswith(">")] == [
        "See below.",
        "Yes, since noon.",
        "No.",
    ]
    assert "> Three?" in hidden
