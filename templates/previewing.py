"""Every template with sample data, as files to look at: text and HTML in each language, and a page that leads to them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path

from markupsafe import Markup

from templates.languages import ENGLISH, LANGUAGES
from templates.render import render
from templates.samples import samples

_PAGE = Markup("""<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark"><title>Mails</title>
<style>body {{ font: 16px/1.6 system-ui, sans-serif; margin: 2em auto; max-width: 44em; padding: 0 1em }}
span {{ white-space: nowrap; margin-right: 1.2em }}</style></head>
<body><h1>Mails</h1>
{rows}
</body></html>
""")
_ROW = Markup("<p><b>{case}</b>: {subject}<br>{cells}</p>")
_CELL = Markup('<span>{language} <a href="{stem}.html">HTML</a> <a href="{stem}.txt">text</a></span> ')


def preview(
    folder: Path, languages: Iterable[str] = LANGUAGES, own: Path | None = None, words: Mapping[str, str] | None = None
) -> Path:
    """Writes the files and returns the page. `own`: a desk's own templates; `words`: fields of the desk to show.

    Raises OSError, and what `render` raises for a template that is broken.
    """
    folder.mkdir(parents=True, exist_ok=True)
    chosen, rows = tuple(languages), []
    for case in samples():
        cells, subject = [], ""
        for language in chosen:
            context = replace(samples(language)[case], **dict(words or {}))  # type: ignore[arg-type]
            mail = render(case.partition("-")[0], context, language, own)
            stem = f"{case}.{language}"
            (folder / f"{stem}.html").write_text(mail.html, encoding="utf-8")
            (folder / f"{stem}.txt").write_text(f"{mail.subject}\n\n{mail.text}", encoding="utf-8")
            cells.append(_CELL.format(language=language, stem=stem))
            subject = mail.subject if not subject or language == ENGLISH else subject
        rows.append(_ROW.format(case=case, subject=subject, cells=Markup("").join(cells)))
    page = folder / "index.html"
    page.write_text(_PAGE.format(rows=Markup("\n").join(rows)), encoding="utf-8")
    return page
