"""Dashboards, as links."""

from bot.views.markup.document import Block, Context, Document, Header, Image, Paragraph
from bot.views.markup.spans import Hyperlink, Line, join_dots, line
from domain.answers.dashboards import DashboardLink, DashboardsAnswer
from domain.dashboards.pictures import PanelPicture
from domain.rich_text import Timestamp

_NOTHING = "None fits. The words are looked for in the titles; without any, all dashboards are shown."


def dashboards(fact: DashboardsAnswer) -> Document:
    """The links, what the address carries, and what Grafana did not tell."""
    title = f"📊 {fact.title}"
    blocks: list[Block] = [Header(title)]
    if fact.links:
        blocks.append(Paragraph(tuple(map(_link, fact.links))))
    elif not fact.problems:
        blocks.append(Paragraph((line(_NOTHING),)))
    if fact.problems:
        blocks.append(Paragraph(tuple(line("🟡 ", problem) for problem in fact.problems)))
    if fact.picture:
        blocks.append(Context(line(fact.picture)))
    everything = Hyperlink(f"and {fact.more:,} more" if fact.more else "all in Grafana", fact.all_url)
    shown = line("from ", Timestamp(fact.shown.since), " to ", Timestamp(fact.shown.until))
    blocks.append(Context(join_dots(shown, everything if fact.all_url else f"and {fact.more:,} more" if fact.more else "")))
    return Document(summary=line(f"{title}: {len(fact.links) + fact.more}"), blocks=tuple(blocks))


def picture(fact: PanelPicture) -> Document:
    """A panel as a picture, or why there is none; the link shows it in either case."""
    name = Hyperlink(fact.title, fact.url)
    text = line("🟡 ", name, ": ", fact.problem) if fact.problem else line("📊 ", name)
    times = line("from ", Timestamp(fact.shown.since), " to ", Timestamp(fact.shown.until))
    image = Image(fact.title, fact.png) if fact.png_base64 else None
    return Document(summary=line(f"📊 {fact.title}"), blocks=(Paragraph((text,)), Context(times)), image=image)


def _link(link: DashboardLink) -> Line:
    name = f"{link.title}: {link.panel}" if link.panel else link.title
    values = ", ".join(f"{variable} {value}" for variable, value in link.variables)
    return join_dots(Hyperlink(name, link.url), link.folder, values)
