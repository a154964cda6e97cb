"""What a reader of the quality report is told instead of the names that programs use."""

LANGUAGES = {
    **{"en": "English", "es": "Spanish", "fr": "French", "de": "German", "pt": "Portuguese"},
    **{"it": "Italian", "nl": "Dutch", "sv": "Swedish", "und": "not determined"},
}
FIELDS = {
    **{"title": "title", "text": "text", "abstract": "author's summary", "language": "language"},
    **{"subject": "subject", "level": "level", "duration_s": "duration", "licence": "licence"},
    **{"position": "place in its course", "parent_id": "course it belongs to"},
}
STORED = {
    **{"parent_id": "course", "position": "place", "text": "text", "abstract": "summary"},
    **{"language": "language", "subject": "subject", "level": "level", "duration_s": "duration"},
    **{"licence": "licence", "answer": "answer"},
}
# A rule in a sentence for somebody who does not read programs.
RULES = {
    "fix_mojibake": "Letters that were read in the wrong encoding, put right where the evidence is clear.",
    "unescape_entities": "HTML's names of letters, also those escaped twice, as the letters they stand for.",
    "strip_tags": "Left-over HTML tags removed; what only looks like a tag stays.",
    "drop_invisible": "Characters that nobody sees removed: controls, soft hyphens, zero-width spaces.",
    "normalise_unicode": "One way of writing each character; powers and fractions keep their meaning.",
    "collapse_whitespace": "Single spaces within a paragraph, one empty line between paragraphs.",
    "fix_title_case": "Titles that shout or whisper, written as titles are in their language.",
    "detect_language": "The language told from the text where nobody declared it, or declared it wrongly.",
    "durations": "Lengths in words or standards as seconds; with two readings, left empty.",
    "dates_and_zones": "Dates in several forms and zones as one moment; with two readings, left empty.",
    "prices": "Prices as an amount and a currency; of a bare dollar sign the currency stays open.",
    "levels": "Levels in four languages, of frameworks and grades, on one scale of three.",
    "numbers": "Numbers in words, with letters for thousands, and in both customs of commas and points.",
    "weekly_workload": "Hours a week as the least and the most seconds a week.",
    "filled_in": "What a field lacks is left empty, or filled in from elsewhere and marked so.",
    "births": "Events in the future, or before the item they are about came to be, are refused.",
    "repeats": "The same event again, in the log twice or within two seconds, is refused.",
    "dwell_outliers": "A time that nobody spends on the item is left empty; the event stays.",
    "duplicates": "Items that say the same, or almost, become one that keeps all their addresses.",
    "unmatched": "Records that refer to what is not there are counted, and never matched by guessing.",
}
