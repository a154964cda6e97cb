"""Tables of a quality report in, one page of HTML out that a stranger can read and nothing is fetched for.

Whatever came with the data is escaped: a title may be a script. The page forbids scripts besides.
"""

from collections.abc import Sequence
from html import escape
from importlib.resources import files
from string import Template
from typing import Any

import pandas as pd

from learnloop.prepare import quality_plots as plots
from learnloop.prepare import quality_stored
from learnloop.prepare import quality_words as words
from learnloop.prepare.quality_html import (
    Html,
    figure,
    lack,
    many,
    paragraph,
    percent,
    prose,
    shown,
    table,
)
from learnloop.prepare.quality_tables import Quality, rule_counts
from learnloop.prepare.rules import OTHER, RULES, Rule

MARK = 'name="generator" content="learnloop data quality report"'  # in every page of ours
MOST_SOURCES = 6  # with a column of their own


def page(quality: Quality) -> str:
    """A whole document."""
    made = (
        f"Made on {quality.made_at:%d %B %Y at %H:%M} UTC by <code>learnloop prepare --report</code>. Course"
        " pages are counted as they were cleaned just now, files as they were when they were imported, and"
        " the database as it is."
    )
    sections = [
        ("sources", "What came in, and what was kept", _sources(quality)),
        ("fields", "Pages before and after, field by field", _fields(quality)),
        ("rules", "What the cleaning rules did", _rules(quality)),
        ("refused", "What was refused, and why", _refused(quality)),
        ("languages", "Languages", _languages(quality)),
        ("durations", "How long lessons and courses are", quality_stored.lengths(quality)),
        ("times", "Time that learners spent", quality_stored.times(quality)),
        ("missing", "What is still missing", quality_stored.missing(quality)),
        ("copies", "Copies", _copies(quality)),
        ("references", "References that lead nowhere", _joins(quality)),
        ("imports", "Imports", _imports(quality)),
    ]
    links = "".join(f'<a href="#{name}">{escape(title)}</a> ' for name, title, _ in sections)
    told = "".join(
        f'<section id="{name}"><h2>{escape(title)}</h2>{body}</section>' for name, title, body in sections
    )
    body = _verdict(quality) + _tiles(quality) + ("" if quality.empty else f"<nav>{links}</nav>{told}")
    template = files("learnloop.prepare").joinpath("quality.html").read_text(encoding="utf-8")
    return Template(template).substitute(made=made, body=body)


def _verdict(quality: Quality) -> str:
    if quality.empty:
        return (
            '<p class="verdict">There is no data yet. Collect course pages with <code>learnloop collect web'
            " ADDRESS</code> or import files with <code>learnloop import csv --items FILE --interactions"
            " FILE</code>, then make this report again.</p>"
        )
    if quality.accounts.empty:
        return (
            '<p class="verdict">No pages were collected and no files imported; the database has events.</p>'
        )
    whole = quality.accounts[~quality.accounts["part"]]
    read, kept, refused = (int(whole[name].sum()) for name in ("read", "kept", "refused"))
    sources = whole["source"].nunique()
    text = (
        f"Of {read:,} records from {many(sources, 'source')}, {kept:,} ({percent(kept, read)}) were kept"
        f" and {refused:,} refused, each for a reason that is given below."
    )
    odd = quality.accounts[quality.accounts["read"] != quality.accounts["kept"] + quality.accounts["refused"]]
    if odd.empty:
        text += " Nothing was lost on the way: for every source, kept and refused add up to what was read."
        return f'<p class="verdict">{text}</p>'
    names = escape(", ".join(f"{row.source} {row.kind}" for row in odd.itertuples()))
    return f'<p class="verdict">{text}</p><p class="warning">They do not add up for: {names}.</p>'


def _tiles(quality: Quality) -> str:
    events, whole = quality.stored.events, quality.accounts[~quality.accounts["part"].astype("bool")]
    tiles = [
        (f"{int(whole['read'].sum()):,}", "records read"),
        (f"{int(whole['refused'].sum()):,}", "refused, with a reason"),
        (f"{int(quality.repairs['n'].sum()):,}", "repairs, each counted by its rule"),
        (f"{int(quality.stored.items['n'].sum()):,}", "courses, lessons and exercises stored"),
        (f"{int(events['n'].sum()):,}", "events of learners stored"),
        (f"{quality.stored.learners['learner_id'].nunique():,}", "learners with events"),
    ]
    cells = "".join(f'<div class="tile"><b>{value}</b><span>{told}</span></div>' for value, told in tiles)
    return f'<div class="tiles">{cells}</div>'


def _sources(quality: Quality) -> str:
    accounts = quality.accounts
    if accounts.empty:
        return paragraph("No pages were collected and no files imported.")
    rows = [
        (
            row.source,
            _kind(row.kind, row.part),
            row.read,
            row.kept,
            row.refused,
            percent(row.refused, row.read),
            row.repaired,
        )
        for row in accounts.itertuples()
    ]
    return (
        paragraph(
            "A record is a page, a question on a page, or a line of a file. Each is either kept or refused;"
            " none disappears. A repair changes a value of a record that is kept. An arrow marks records that"
            " are parts of others, or were made of them (questions of exercises, say); they count once."
        )
        + figure(
            plots.svg(
                lambda: plots.kept_by_source(accounts[~accounts["part"]]), "Shares kept and refused by source"
            )
        )
        + table(["source", "records", "*read", "*kept", "*refused", "*share refused", "*repairs"], rows)
    )


def _kind(kind: str, part: bool) -> str:
    return f"↳ {kind}" if part else kind


def _fields(quality: Quality) -> str:
    fields = quality.run.fields
    if fields.empty:
        return paragraph("No course pages were prepared. Files that are imported have their columns already.")
    rows = []
    for source, part in fields.groupby("source"):
        for row in part.to_dict("records"):
            told = [row[fate] for fate in plots.FATE_NAMES]
            rows.append((source, words.FIELDS[str(row["field"])], *told))
    return (
        paragraph(
            "What became of each field of the pages that were kept as courses and lessons. Nothing is made"
            " up in silence: what we filled in (a language told from the text, a title from the address) is"
            " marked with the item, and what nobody told stays empty."
        )
        + figure(
            plots.svg(
                lambda: plots.fields_before_and_after(fields, words.FIELDS),
                "What became of each field of the pages",
            )
        )
        + table(
            ["source", "field", "*as given", "*put in order", "*filled in", "*emptied", "*never told"], rows
        )
    )


def _rules(quality: Quality) -> str:
    counted = rule_counts(quality.repairs, quality.refusals)
    ours = counted[counted["rule"] != OTHER]
    totals = ours.groupby("rule")["n"].sum()
    fired = {name.replace("_", " "): int(n) for name, n in totals.items() if n}
    parts = [
        paragraph(
            "A rule is a small function that mends, or refuses, one kind of fault. Beside each stands what"
            " it does to an example, and how many records it touched in each source. Pale bars are repairs"
            " that one importer makes in its own files."
        )
    ]
    others = counted[counted["rule"] == OTHER]
    by_name = others.groupby("count")["n"].sum().sort_values(ascending=False)
    bars = fired | {str(name): int(n) for name, n in by_name.items()}
    if bars:
        drawn = plots.svg(
            lambda: plots.counts_by_name(bars, "records touched", paler=set(bars) - set(fired)),
            "Records touched by rule",
        )
        parts.append(figure(drawn))
    sources = _columns(quality.accounts)
    busy = [rule for rule in RULES if totals.get(rule.name, 0)]
    parts.append(_rule_table(ours[ours["n"] > 0], busy, sources))
    idle = [rule for rule in RULES if not totals.get(rule.name, 0)]
    if idle:
        told = f"{many(len(idle), 'rule')} that found nothing to do" if fired else "The rules"
        parts.append(f"<details><summary>{told}</summary>{_rule_table(ours.head(0), idle, [])}</details>")
    if len(others):
        rows = [
            (name, int(n), *_by_source(others[others["count"] == name], sources))
            for name, n in by_name.items()
        ]
        parts.append("<h3>Other repairs, of one importer alone</h3>")
        parts.append(table(["repair", "*total", *_heads(sources)], rows))
    return "".join(parts)


def _rule_table(counted: pd.DataFrame, rules: Sequence[Rule], sources: Sequence[str]) -> str:
    """Each of `rules` with its example and its counts."""
    if not rules:
        return ""
    rows = []
    for rule in rules:
        mine = counted[counted["rule"] == rule.name]
        does = escape(words.RULES[rule.name]) if rule.name in words.RULES else prose(rule.does)
        name = escape(rule.name.replace("_", " "))
        example = f"{shown(rule.before)} → {shown(rule.after)}"
        told = Html(f'<b>{name}</b> <span class="sub">{does}</span><br>{example}{_split(mine)}')
        rows.append((told, int(mine["n"].sum()), *_by_source(mine, sources)))
    return table(["rule, and an example before → after", "*total", *_heads(sources)], rows, most=len(rows))


def _refused(quality: Quality) -> str:
    refusals = quality.refusals
    if refusals.empty:
        return paragraph("Nothing was refused.")
    totals = {str(name): int(n) for name, n in refusals.groupby("name")["n"].sum().items()}
    rows = [
        (row.source, row.name, row.n)
        for row in refusals.sort_values(["n", "source"], ascending=[False, True]).itertuples(index=False)
    ]
    drawn = plots.svg(
        lambda: plots.counts_by_name(totals, "records refused", plots.WARNING), "Records refused by reason"
    )
    return (
        paragraph(
            Html(
                "Every refused record is kept with its file and line: <code>learnloop import rejected</code>"
                " shows them, learners under their pseudonyms alone. Listed here, too, is why something could"
                " not be made of a record that itself was kept (a question of an exercise, say)."
            )
        )
        + figure(drawn)
        + table(["source", "reason", "*records"], rows)
    )


def _languages(quality: Quality) -> str:
    stored, declared = quality.stored.languages, quality.run.languages
    if stored.empty:
        return paragraph("No items are stored.")
    drawn = plots.svg(
        lambda: plots.languages_by_source(stored, words.LANGUAGES), "Languages of items by source"
    )
    parts = [
        paragraph(
            "The author's declaration counts, unless a long text clearly says otherwise. Where nothing is"
            " declared the text decides, if it is long and clear enough; else the language is left as not"
            " determined rather than guessed."
        ),
        figure(drawn),
    ]
    if len(declared):
        flows = declared.groupby(["declared", "language"], as_index=False)["n"].sum()
        ordered = flows.sort_values(["n", "declared"], ascending=[False, True]).itertuples()
        rows = [
            (
                shown(str(row.declared)) if row.declared else Html('<span class="sub">nothing</span>'),
                words.LANGUAGES.get(str(row.language), row.language),
                row.n,
            )
            for row in ordered
        ]
        parts.append("<h3>Pages: declared, and taken as</h3>")
        parts.append(table(["the page declares", "it is taken as", "*pages"], rows))
    return "".join(parts)


def _copies(quality: Quality) -> str:
    copies = quality.run.copies
    if copies.empty:
        return paragraph("No page was found to be a copy of another.")
    told = f"{many(len(copies), 'page')} said the same, or almost the same, as another."
    rows = [(row.source, row.copy, row.kept) for row in copies.itertuples(index=False)]
    more = (
        " Each was merged into the one that stays, which keeps both addresses. Questions on a copy went with"
        " it, and count as refused, too."
    )
    return paragraph(told + more) + table(["source", "the copy", "the item that stays"], rows)


def _joins(quality: Quality) -> str:
    joins = quality.stored.joins
    rows = [
        (row.join, row.rows, row.unmatched, lack(row.unmatched, row.rows, bool(row.rows)))
        for row in joins.itertuples()
    ]
    return paragraph(
        "Records that refer to others which are not there, in the database as it is. They are counted, and"
        " nothing is invented to satisfy them."
    ) + table(["what", "*of so many", "*lead nowhere", "*share"], rows)


def _imports(quality: Quality) -> str:
    if not quality.imports:
        return paragraph("No files were imported.")
    rows = [
        (
            one["source"],
            f"{one['started_at']:%Y-%m-%d %H:%M}",
            one["files"],
            one["read"],
            one["kept"],
            one["state"],
        )
        for one in quality.imports
    ]
    return paragraph(
        "The newest first. The same files imported again are no more data: they count once, as their newest"
        " import told them; one that was broken off is shown and not counted."
    ) + table(["source", "begun (UTC)", "*files", "*read", "*kept", "in this report"], rows)


def _columns(accounts: pd.DataFrame) -> list[str]:
    """The sources most was done to, at most MOST_SOURCES, by name; one alone needs no column."""
    touched = (accounts["repaired"] + accounts["refused"]).groupby(accounts["source"]).sum()
    most = touched.sort_values(ascending=False, kind="stable").index[:MOST_SOURCES]
    return sorted(map(str, most)) if len(touched) > 1 else []


def _heads(sources: Sequence[str]) -> list[str]:
    return [f"*{source}" for source in sources]


def _by_source(counted: pd.DataFrame, sources: Sequence[str]) -> list[Any]:
    found = counted.groupby("source")["n"].sum()
    return [int(found.get(source, 0)) or Html('<span class="sub">·</span>') for source in sources]


def _split(counted: pd.DataFrame) -> str:
    """What the counts of a rule are, where they say more than its name does."""
    named = counted[counted["count"] != counted["rule"]].groupby("count")["n"].sum()
    told = "; ".join(f"{escape(str(name))}: {int(n):,}" for name, n in named.items() if name)
    return f'<br><span class="sub">{told}</span>' if told else ""
