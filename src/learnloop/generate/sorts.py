"""Of what sort a thing is, by the noun its description begins with: a person, a place, a process, a disease …

"A vaccine is a disease …" is wrong at a glance: a distractor of another sort asks nothing. The lists hold the
heads that lessons use most; of any other noun nothing is said.

    sort("a narrow inlet of the sea", "en")  ->  "place"
"""

from learnloop.generate import contrast, lemmas

_HEADS = {
    "en": {
        "person": "person artisan craftsman worker officer official judge lawyer doctor nurse scholar"
        " scientist"
        " engineer navigator artist writer ruler member citizen someone specialist teacher student owner",
        "place": "area region zone place valley lake river channel chamber room building site space"
        " field basin"
        " inlet cave plain coast land town city country street station",
        "process": "process procedure operation act action method technique transformation change conversion"
        " movement transfer transport exchange removal breakdown formation development reaction practice use"
        " application treatment purchase sale payment test examination measurement",
        "illness": "disease infection illness disorder inflammation syndrome injury swelling fever",
        "substance": "substance compound liquid gas material mineral mixture solution metal acid fluid"
        " rock powder"
        " enzyme hormone protein molecule drug dye fat",
        "thing": "device tool instrument machine apparatus vessel pipe tube valve lens wheel blade"
        " container plate"
        " equipment vehicle rod screw cable wire switch sensor",
        "text": "document contract agreement letter report law rule statement text list record decision order"
        " sentence certificate form register",
        "amount": "amount number quantity rate ratio share distance height length width depth"
        " difference value"
        " speed pressure force energy sum price cost percentage measure",
        "time": "period time phase stage moment season day year interval",
        "living": "animal plant bee mite beast bird fish insect mammal fungus bacterium virus organism"
        " tree herb worm"
        " larva cell",
        "group": "group set collection series system network organisation association company institution",
        "part": "organ muscle bone membrane layer gland nerve part tissue structure",
        "property": "property ability capacity tendency",
        "idea": "theory principle idea right duty belief doctrine style movement",
    },
    "es": {
        "person": "persona artesano trabajador funcionario juez abogado médico enfermero científico ingeniero"
        " artista escritor gobernante miembro ciudadano profesional especialista alumno propietario",
        "place": "área región zona lugar valle lago río canal cámara sala edificio sitio espacio campo cuenca"
        " cavidad cueva llanura costa terreno ciudad país calle estación depresión",
        "process": "pérdida cría lavado operación"
        " proceso procedimiento operación acto acción método técnica transformación cambio"
        " conversión"
        " movimiento transferencia transporte intercambio eliminación formación desarrollo reacción"
        " práctica uso"
        " aplicación tratamiento compra venta pago prueba medición paso descanso maniobra comisión",
        "illness": "enfermedad infección trastorno afección inflamación síndrome lesión fiebre",
        "substance": "sustancia compuesto líquido gas material mineral mezcla disolución metal ácido"
        " roca polvo"
        " enzima hormona proteína molécula fármaco grasa bebida puré",
        "thing": "reloj conducto hilo tejido varilla cuerda"
        " aparato herramienta instrumento máquina dispositivo recipiente tubo válvula lente"
        " rueda placa"
        " equipo vehículo barra tornillo cable interruptor sensor pieza brazo mecanismo instalación",
        "text": "documento contrato acuerdo carta informe ley norma declaración texto lista registro"
        " resolución"
        " orden sentencia certificado escrito sello",
        "amount": "cantidad número tasa razón proporción distancia altura longitud anchura profundidad"
        " diferencia"
        " valor velocidad presión fuerza energía suma precio coste porcentaje medida",
        "time": "periodo período tiempo fase etapa momento estación día año intervalo plazo",
        "living": "animal planta ave abeja ácaro especie pez insecto mamífero hongo bacteria virus"
        " organismo árbol hierba"
        " gusano larva"
        " oruga célula",
        "group": "grupo conjunto colección serie sistema red organización asociación empresa institución",
        "part": "órgano músculo hueso membrana capa glándula nervio parte tejido estructura orgánulo"
        " envoltura",
        "property": "propiedad capacidad tendencia",
        "idea": "teoría principio idea derecho deber creencia doctrina estilo corriente",
    },
    "fr": {
        "person": "personne artisan ouvrier fonctionnaire juge avocat médecin infirmier savant scientifique"
        " ingénieur artiste écrivain souverain membre citoyen professionnel spécialiste élève propriétaire",
        "place": "zone région lieu vallée lac rivière canal chambre salle bâtiment site espace champ"
        " bassin cavité"
        " grotte plaine côte terrain ville pays rue gare endroit",
        "process": "processus procédé opération acte action méthode technique transformation changement"
        " conversion"
        " mouvement transfert transport échange élimination formation développement réaction pratique usage"
        " application traitement achat vente paiement essai mesure passage chauffage présentation",
        "illness": "maladie infection affection inflammation syndrome lésion fièvre",
        "substance": "substance composé liquide gaz matériau minéral mélange solution métal acide roche"
        " poudre"
        " enzyme hormone protéine molécule médicament graisse boisson aliment",
        "thing": "pont poutre pierre vitre"
        " appareil outil instrument machine dispositif récipient tuyau tube soupape lentille"
        " roue plaque"
        " équipement véhicule tige vis câble interrupteur capteur pièce cuve ressort conduite",
        "text": "document contrat accord lettre rapport loi règle déclaration texte liste registre"
        " décision ordre"
        " jugement certificat signe annuaire",
        "amount": "quantité nombre taux rapport part distance hauteur longueur largeur profondeur"
        " différence valeur"
        " vitesse pression force énergie somme prix coût pourcentage variation",
        "time": "période temps phase étape moment saison jour année intervalle délai durée",
        "living": "animal plante oiseau abeille acarien espèce poisson insecte mammifère champignon"
        " bactérie virus organisme"
        " arbre herbe"
        " ver larve cellule",
        "group": "groupe ensemble collection série système réseau organisation association entreprise"
        " institution",
        "part": "organe muscle os membrane couche glande nerf partie tissu structure poche",
        "property": "propriété capacité tendance aptitude",
        "idea": "théorie principe idée droit devoir croyance doctrine style courant",
    },
    "de": {
        "person": "person handwerker arbeiter beamter richter anwalt arzt pfleger gelehrter wissenschaftler"
        " ingenieur künstler schriftsteller herrscher mitglied bürger fachkraft schüler eigentümer",
        "place": "gebiet region zone ort tal see fluss kanal kammer raum gebäude stelle feld becken"
        " höhle ebene"
        " küste land stadt straße mulde",
        "process": "vorgang verfahren prozess handlung methode technik umwandlung änderung bewegung"
        " übertragung"
        " transport austausch entfernung abbau bildung entwicklung reaktion anwendung behandlung kauf verkauf"
        " zahlung prüfung messung aufnahme verteidigung abbruch ablauf aussetzung",
        "illness": "krankheit infektion erkrankung entzündung syndrom verletzung fieber",
        "substance": "stoff verbindung flüssigkeit gas material mineral mischung lösung metall säure"
        " gestein pulver"
        " enzym hormon eiweiß molekül arzneimittel fett farbstoff",
        "thing": "rahmen kran behälter schlegel balken"
        " gerät werkzeug instrument maschine vorrichtung gefäß rohr ventil linse rad platte"
        " fahrzeug stab"
        " schraube kabel schalter sensor bauteil stift leiste blech",
        "text": "zeichnung"
        " dokument vertrag vereinbarung brief bericht gesetz regel erklärung text liste verzeichnis"
        " entscheidung urteil bescheid rechtsmittel beschreibung",
        "amount": "menge zahl anzahl rate verhältnis anteil abstand höhe länge breite tiefe differenz wert"
        " geschwindigkeit druck kraft energie summe preis kosten betrag maß",
        "time": "zeit zeitraum phase abschnitt moment jahreszeit tag jahr spanne frist dauer",
        "living": "tier pflanze vogel biene milbe art fisch insekt säugetier pilz bakterium virus"
        " lebewesen baum kraut"
        " wurm larve"
        " zelle",
        "group": "gruppe menge sammlung reihe system netz organisation verein unternehmen einrichtung"
        " vereinigung",
        "part": "organ muskel knochen membran schicht drüse nerv teil gewebe struktur",
        "property": "eigenschaft fähigkeit neigung",
        "idea": "theorie grundsatz idee recht pflicht glaube lehre stil strömung",
    },
}
_SORTS = {
    language: {lemmas.plain(word): name for name, words in sorts.items() for word in words.split()}
    for language, sorts in _HEADS.items()
}


def sort(description: str, language: str) -> str:
    """The sort of what `description` says, "" where its head is in no list."""
    head = contrast.genus(description, language)
    if not head:
        return ""
    known = _SORTS[language]
    for form in (lemmas.plain(head), lemmas.lemma(head, language)):
        if form in known:
            return known[form]
    if language == "de":  # the last part of a compound says the class
        return next(
            (known[word] for word in known if len(word) > 3 and lemmas.plain(head).endswith(word)), ""
        )
    return ""


# What is one of these, a description says at once: a thing of no known sort is not one.
_PLAIN = {"person", "illness"}


# What is one of these shows among things.
SHOWS = {"person", "illness", "process", "time"}


def differ(one: str, other: str, language: str) -> bool:
    """Both sorts are known and not the same."""
    first, second = sort(one, language), sort(other, language)
    return bool(first and second and first != second)


def clash(one: str, other: str, language: str) -> bool:
    """Just one of the two is a person or an illness: "a lock" beside "yellow fever"."""
    first, second = sort(one, language), sort(other, language)
    return first != second and bool({first, second} & _PLAIN)
