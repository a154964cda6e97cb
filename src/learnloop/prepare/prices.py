"""Prices as pages show them in, an amount and a currency out.

    €49,90 · US$ 1,299.00 · 49 EUR · gratis      (49.9, EUR) · (1299.0, USD) · (49.0, EUR) · (0.0, None)

A bare "$" is of twenty countries and "kr" of four: the amount is read, the currency stays open. Two prices
in one text ("from €10 to €20", "$99 $49") are none.
"""

import re

from learnloop.prepare.numbers import number
from learnloop.prepare.units import LONGEST, without_accents

FREE = frozenset(
    [
        *("free", "free of charge", "no cost", "at no cost", "0", "audit for free", "for free", "gratis"),
        *("gratuito", "gratuita", "sin costo", "sin coste", "gratuit", "gratuite", "kostenlos", "kostenfrei"),
        *("umsonst", "gratuitement", "de graca", "gratis", "frei"),
    ]
)
_SIGNS = {
    **{"€": "EUR", "£": "GBP", "₹": "INR", "₽": "RUB", "₩": "KRW", "₺": "TRY", "₴": "UAH", "zł": "PLN"},
    **{"us$": "USD", "u$s": "USD", "ca$": "CAD", "c$": "CAD", "a$": "AUD", "au$": "AUD", "nz$": "NZD"},
    **{"mx$": "MXN", "r$": "BRL", "hk$": "HKD", "s$": "SGD", "¥": None, "$": None, "kr": None},
    **{"euro": "EUR", "euros": "EUR", "dollars": None, "dollar": None, "dolares": None, "pounds": "GBP"},
    **{"fr.": "CHF", "sfr": "CHF"},
}
# Of the ISO 4217 codes those that pages of courses use; any three letters would make prices of words.
_CODES_WORDS = (
    "AED ARS AUD BRL CAD CHF CLP CNY COP CZK DKK EUR GBP HKD HUF IDR ILS INR JPY KES KRW MXN "
    "MYR NGN NOK NZD PEN PHP PLN RON RUB SAR SEK SGD THB TRY TWD UAH USD VND ZAR"
)
CODES = frozenset(_CODES_WORDS.split(" "))
_SIGN = "|".join(re.escape(sign) for sign in sorted(_SIGNS, key=len, reverse=True))
_MARK = rf"(?:(?P<code{{n}}>[a-z]{{{{3}}}})|(?P<sign{{n}}>{_SIGN}))"
_PRICE = re.compile(
    rf"(?:{_MARK.format(n=1)}\s*)?(?P<amount>\d[\d.,'’   ]*?)(?:,[-–])?\s*(?:{_MARK.format(n=2)})?"
)


def price(text: str) -> tuple[float, str | None] | None:
    """(amount, ISO 4217 code or None where it stays open); None where `text` is no single price.

    >>> price("€49,90"), price("US$ 1,299.00"), price("gratis"), price("49 EUR"), price("from 10 to 20 €")
    ((49.9, 'EUR'), (1299.0, 'USD'), (0.0, None), (49.0, 'EUR'), None)
    """
    if len(text) > LONGEST:
        return None
    plain = without_accents(" ".join(text.split())).casefold().strip(" .!*")
    if plain in FREE:
        return 0.0, None
    match = _PRICE.fullmatch(plain.replace("zl", "zł"))
    if not match:
        return None
    codes = [code.upper() for n in (1, 2) if (code := match[f"code{n}"])]
    signs = [sign for n in (1, 2) if (sign := match[f"sign{n}"])]
    if not codes and not signs and not re.fullmatch(r"\d+(?:[.,]\d{2})?", match["amount"]):
        return None
    if any(code not in CODES for code in codes):
        return None
    named = {*codes, *(told for sign in signs if (told := _SIGNS[sign]))}
    amount = number(match["amount"], decimals=2)
    if amount is None or len(named) > 1 or len(codes) + len(signs) > 2:
        return None
    return amount, named.pop() if named else None
