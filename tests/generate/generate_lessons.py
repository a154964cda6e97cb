"""Short lessons in four languages, written for these tests."""

import pandas as pd

TIDES = """
A tide is the regular rise and fall of the sea. The tides are caused mainly by the pull of the Moon. \
High water returns about every 12 hours and 25 minutes.

A spring tide is a tide of large range that follows the new and the full Moon. A neap tide is a tide \
of small range that follows the half Moons. The tidal range is the difference in height between high \
water and low water. In the Bay of Fundy the range reaches 16 metres. However, in the Mediterranean \
it hardly reaches half a metre.
"""
CURRENTS = """
An ocean current is a lasting flow of sea water in one direction. A gyre is a large ring of currents \
around an ocean basin. The Gulf Stream is a warm current that crosses the North Atlantic. The \
thermocline is the layer in which the temperature falls quickly with depth.

Salinity is the amount of salt dissolved in water. The mean salinity of the sea is about 35 grams of \
salt per kilogram. Upwelling is the rise of cold water from the deep. It brings food to the surface, \
and fisheries depend on it.
"""
WAVES = """
A wave is a movement that carries energy through the water without carrying the water along. The \
crest is the highest point of a wave. The trough is the lowest point of a wave. The wavelength is \
the distance between two neighbouring crests. The fetch is the distance over which the wind blows \
across open water.

A swell is a train of long waves that has left the wind behind. A tsunami is a series of very long \
waves that an earthquake under the sea sets off. In deep water a tsunami travels at about 700 km an \
hour.
"""
FRACCIONES = """
Una fracción es una parte de un todo dividido en partes iguales. El numerador es el número que \
indica cuántas partes se toman. El denominador es el número que indica en cuántas partes se divide \
el todo.

Una fracción propia es una fracción cuyo valor es menor que 1. El máximo común divisor es el mayor \
número que divide a dos números sin resto. El mínimo común múltiplo es el menor número que es \
múltiplo de dos números. La mitad de 50 es 25. Este número también se escribe de otra manera. El \
resultado de una suma se llama total. Una razón es el cociente entre dos cantidades.
"""
LUMIERE = """
La réflexion est le renvoi de la lumière par une surface. La réfraction est le changement de \
direction de la lumière entre deux milieux. Le foyer est le point où se croisent les rayons \
parallèles après une lentille.

Une lentille est un objet transparent qui dévie la lumière. Le spectre est la suite des couleurs qui \
composent la lumière blanche. La diffusion est la dispersion de la lumière dans toutes les \
directions. Le miroir est une surface lisse qui renvoie presque toute la lumière. Elle parcourt \
environ 300 000 km par seconde dans le vide.
"""
STROM = """
Die Spannung ist der Antrieb, der die Ladungen durch einen Leiter bewegt. Die Stromstärke ist die \
Ladung, die in einer Sekunde durch den Leiter fließt. Der Widerstand ist das Verhältnis von Spannung \
zu Stromstärke.

Ein Leiter ist ein Stoff, der den Strom gut leitet. Ein Isolator ist ein Stoff, der den Strom kaum \
leitet. Ein Schalter ist ein Bauteil, das einen Stromkreis öffnet oder schließt. Die Leistung ist \
die Energie, die ein Gerät in einer Sekunde umsetzt. Sie wird in Watt gemessen. Eine Batterie hat \
meist eine Spannung von z. B. 1,5 Volt.
"""


def frame(*extra: dict[str, str]) -> pd.DataFrame:
    """The lessons as rows of ITEMS, cut to the columns this room reads; `extra` rows are appended."""
    rows = [
        ("sea/tides", "sea", "Tides", TIDES, "en"),
        ("sea/currents", "sea", "Ocean Currents", CURRENTS, "en"),
        ("sea/waves", "sea", "Waves", WAVES, "en"),
        ("numeros/fracciones", "numeros", "Fracciones", FRACCIONES, "es"),
        ("optique/lumiere", "optique", "La lumière", LUMIERE, "fr"),
        ("strom/strom", "strom", "Elektrischer Strom", STROM, "de"),
    ]
    records = [
        {
            "item_id": f"test:{key}",
            "parent_id": f"test:{course}",
            "title": title,
            "text": text.strip(),
            "language": language,
        }
        for key, course, title, text, language in rows
    ]
    return pd.DataFrame([*records, *extra])
