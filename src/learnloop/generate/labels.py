"""Words that head a part of a course page and are no terms of it: "Duration: two hours", "Leçon : le son".

A line "X: …" of a list of terms and one of a lesson's frame look alike; the words tell them apart.
"""

import re

from learnloop.generate import lemmas

_LABELS = {
    "en": (
        "activity activities advantage advantages aim aims answer appendix application assessment"
        " assignment attention audience author background benefit benefits caution cause causes caveat"
        " chapter checklist comment conclusion conclusions content contents context cost course credit"
        " date day definition description disadvantage discussion duration effect effects example"
        " examples exception exercise exercises experiment explanation fact figure first focus goal"
        " goals hint history homework hypothesis important input instructions introduction key keywords"
        " language lesson level list literature location material materials meaning method mistake"
        " module myth name note notes objective objectives observation origin outcome outcomes output"
        " outlook overview part participants pitfall place point practice prerequisite prerequisites"
        " price problem procedure programme purpose question questions reading reason recap"
        " recommendation reference references reminder requirement requirements result results review"
        " role rule second section session solution source sources step subject summary symptom symptoms"
        " table target task tasks term theme theory third time tip tips title tool tools topic"
        " translation unit use uses vocabulary warm-up warning week workshop"
    ),
    "es": (
        "abstract actividad actividades advertencia ámbito anexo aplicación apartado asignatura"
        " atención autor autora ayuda bibliografía capítulo causa causas clase clave comentario"
        " conclusión conclusiones consejo consejos contenido contenidos contexto coste cuidado curso"
        " dato definición desarrollo descripción desventaja desventajas destinatarios día dificultad"
        " discusión duración efecto efectos ejemplo ejemplos ejercicio ejercicios enunciado error etapa"
        " evaluación excepción experimento explicación fase fecha figura fuente fuentes grupo"
        " herramientas hipótesis historia idea importante indicaciones instrucciones introducción"
        " lección lectura libro lista lugar material materiales meta método módulo motivo nivel nombre"
        " nota notas objetivo objetivos observación observaciones origen parte participantes paso pista"
        " práctica precaución precio pregunta preguntas principio problema procedimiento profesor"
        " propósito prueba público razón recomendación recordatorio recuerda referencia referencias"
        " regla repaso requisito requisitos respuesta resultado resultados resumen sesión significado"
        " síntesis síntoma síntomas solución sugerencia tabla taller tarea tareas tema teoría término"
        " tiempo título tipo truco unidad uso usos ventaja ventajas vocabulario"
    ),
    "fr": (
        "activité activités annexe application astuce atelier attention auteur avantage avantages"
        " avertissement bibliographie bilan but cause causes chapitre clé commentaire conclusion conseil"
        " conseils consigne consignes contenu contexte contrôle cours coût date définition description"
        " devoir devoirs discussion durée effet effets énoncé erreur étape évaluation exception exemple"
        " exemples exercice exercices expérience explication figure groupe histoire hypothèse idée"
        " important inconvénient inconvénients indice introduction langue leçon lecture lieu liste"
        " matériel matériaux méthode module mot motif niveau nom note notes objectif objectifs"
        " observation observations origine outil outils partie participants piège point pratique"
        " précaution prérequis principe prix problème procédure public question questions raison rappel"
        " rappels recommandation référence références règle remarque remarques réponse résultat"
        " résultats résumé rôle séance section semaine sens session solution source sources sujet"
        " symptôme symptômes synthèse tableau tâche tâches temps terme thème théorie titre truc type"
        " unité usage usages utilisation vocabulaire"
    ),
    "de": (
        "abbildung abschnitt achtung aktivität anfang anhang anleitung anmerkung antwort anwendung"
        " arbeitsauftrag aufgabe aufgaben aufbau ausblick ausnahme autor autorin bedeutung bedingung"
        " begriff beispiel beispiele bemerkung beobachtung beschreibung datum dauer definition"
        " diskussion einheit einleitung einführung einwand ende erfahrung ergebnis ergebnisse erklärung"
        " erinnerung experiment fach faustregel fazit fehler folge folgen frage fragen fußnote gefahr"
        " geschichte gruppe grund hausaufgabe hausaufgaben herkunft hinweis hinweise hypothese idee info"
        " inhalt inhalte kapitel kommentar kontext kosten kurs lehrziel lektion lektüre lernfeld"
        " lernziel lernziele liste literatur lösung material materialien merke merksatz methode modul"
        " nachteil nachteile name niveau notiz nutzen ort praxis preis prinzip problem quelle quellen"
        " rat ratschlag regel rolle rückblick schluss schritt sinn sitzung sprache stufe stunde symptom"
        " symptome tabelle tag teil teilnehmer teilnehmende thema theorie tipp tipps titel übersicht"
        " überblick übung übungen umfang ursache ursachen unterschied verwendung voraussetzung"
        " voraussetzungen vorsicht vorteil vorteile vorgehen warnung werkstatt werkzeug werkzeuge"
        " wichtig wiederholung woche wortschatz zeit ziel ziele zielgruppe zusammenfassung zweck"
    ),
}
_PHRASES = {
    "en": (
        "target group, common mistake, common mistakes, common error, key idea, key point, key terms,"
        " learning goal, learning goals, learning objective, learning outcomes, further reading, good to"
        " know, by the end, at a glance, in short, in practice, worked example, learning time, study"
        " time, opening hours"
    ),
    "es": (
        "público objetivo, error común, error frecuente, idea clave, palabras clave, punto clave, a"
        " quién va dirigido, para saber más, en resumen, grupo destinatario"
    ),
    "fr": (
        "public cible, erreur fréquente, erreur courante, idée clé, mots clés, point clé, point fort,"
        " point faible, bon à savoir, à retenir, pour aller plus loin, en bref, en résumé"
    ),
    "de": ("häufiger fehler, häufige fehler, auf einen blick, gut zu wissen, zum weiterlesen, in kürze"),
}
_KNOWN = {
    language: frozenset(map(lemmas.plain, [*words.split(), *_PHRASES[language].split(", ")]))
    for language, words in _LABELS.items()
}
_NUMBERED = re.compile(r"(.+?) (?:\d{1,2}|[a-z]|[ivx]+)")


def is_label(term: str, language: str) -> bool:
    """Whether `term` is such a word, alone or with a number ("lesson 3"), or such words ("target group")."""
    plain = lemmas.plain(term)
    numbered = _NUMBERED.fullmatch(plain)
    return plain in _KNOWN[language] or (numbered is not None and numbered[1] in _KNOWN[language])
