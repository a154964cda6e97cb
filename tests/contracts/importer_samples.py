"""One sound input of each importer, small and of our own, and a way to break one row of it."""

import io
import json
import tarfile
from pathlib import Path
from typing import Any

import pyarrow as pa

OULAD_FILES = {
    "courses": "code_module,code_presentation,module_presentation_length\nXYZ,2013J,268\nXYZ,2014B,240\n",
    "assessments": (
        "code_module,code_presentation,id_assessment,assessment_type,date,weight\n"
        "XYZ,2013J,11,TMA,50,50\nXYZ,2013J,10,TMA,20,50\nXYZ,2013J,12,Exam,,100\n"
        "XYZ,2014B,20,TMA,22,40\nXYZ,2014B,21,TMA,51,60\n"
    ),
    "vle": (
        "id_site,code_module,code_presentation,activity_type,week_from,week_to\n"
        "501,XYZ,2013J,resource,,\n502,XYZ,2013J,quiz,1,2\n"
    ),
    "studentRegistration": (
        "code_module,code_presentation,id_student,date_registration,date_unregistration\n"
        "XYZ,2013J,71000001,-20,\nXYZ,2014B,71000001,-5,\nXYZ,2013J,71000002,,30\nXYZ,2014B,71000003,-9,\n"
    ),
    "studentInfo": (
        "code_module,code_presentation,id_student,gender,region,highest_education,imd_band,age_band,"
        "num_of_prev_attempts,studied_credits,disability,final_result\n"
        "XYZ,2013J,71000001,F,Wales,A Level or Equivalent,10-20,0-35,0,60,N,Fail\n"
        "XYZ,2014B,71000001,F,Scotland,A Level or Equivalent,20-30%,0-35,1,60,N,Pass\n"
        "XYZ,2013J,71000002,M,Wales,A Level or Equivalent,,35-55,0,30,Y,Withdrawn\n"
    ),
    "studentAssessment": (
        "id_assessment,id_student,date_submitted,is_banked,score\n"
        "10,71000001,19,0,78\n11,71000001,49,0,39\n20,71000001,-1,1,78\n10,71000002,21,0,\n"
        "21,71000003,50,0,40\n"
    ),
    "studentVle": (
        "code_module,code_presentation,id_student,id_site,date,sum_click\n"
        "XYZ,2013J,71000001,501,-3,4\nXYZ,2013J,71000001,501,-3,4\nXYZ,2013J,71000001,501,-3,1\n"
        "XYZ,2013J,71000002,502,0,2\n"
    ),
}


def oulad_sample(folder: Path) -> None:
    for kind, text in OULAD_FILES.items():
        (folder / f"{kind}.csv").write_text(text)


def oulad_broken(folder: Path) -> tuple[str, int]:
    with (folder / "studentAssessment.csv").open("a") as file:
        file.write("11,710000\n")
    return "studentAssessment.csv", 7


def oatutor_records() -> dict[str, Any]:
    records: dict[str, Any] = {}
    for number in (1, 2, 3):
        key = f"fruit{number}"
        records[f"{key}/{key}.json"] = {
            "id": key,
            "title": "Fruit",
            "body": "A bowl holds five pears.",
            "variabilization": {},
            "oer": "https://example.org <Example>",
            "license": "https://creativecommons.org/licenses/by/4.0/ <CC BY 4.0>",
            "lesson": "1.1 Counting",
            "lessonId": "L1",
            "courseName": "Sums",
        }
        for letter, kind in (("a", "TextBox"), ("b", "MultipleChoice")):
            step = key + letter
            records[f"{key}/steps/{step}/{step}.json"] = {
                "id": step,
                "stepAnswer": ["5"],
                "problemType": kind,
                "stepTitle": "How many pears?",
                "stepBody": "",
                "answerType": "string",
                "variabilization": {},
                **({"choices": ["4", "5", "6"]} if kind == "MultipleChoice" else {}),
            }
            records[f"{key}/steps/{step}/tutoring/{step}DefaultPathway.json"] = [
                {
                    "id": f"{step}-h1",
                    "type": "hint",
                    "title": "Count",
                    "text": "One by one.",
                    "dependencies": [],
                }
            ]
    return records


def oatutor_sample(folder: Path, records: dict[str, Any] | None = None) -> None:
    plan = {
        "courseName": "Sums",
        "language": "en",
        "courseLicense": "",
        "lessons": [{"id": "L1", "name": "Lesson 1.1", "learningObjectives": {"counting_things": 0.85}}],
    }
    (folder / "coursePlans.json").write_text(json.dumps([plan]))
    skills = {f"fruit{n}{letter}": ["counting_things"] for n in (1, 2, 3) for letter in "ab"}
    (folder / "skillModel.json").write_text(json.dumps(skills))
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        for name, record in (records or oatutor_records()).items():
            text = record if isinstance(record, bytes) else json.dumps(record, indent=1).encode()
            member = tarfile.TarInfo(f"./content-pool/{name}")
            member.size = len(text)
            archive.addfile(member, io.BytesIO(text))
    with pa.CompressedOutputStream(str(folder / "pool.tar.zst"), "zstd") as stream:
        stream.write(packed.getvalue())


def oatutor_broken(folder: Path) -> tuple[str, int]:
    records = oatutor_records()
    name = "fruit2/steps/fruit2a/fruit2a.json"
    cut = json.dumps(records[name], indent=1).encode()[:60]
    oatutor_sample(folder, {**records, name: cut})
    return name, cut.count(b"\n") + 1


def csv_sample(folder: Path) -> None:
    (folder / "items.csv").write_text(
        "item_id,title,kind,parent_id,concepts,prerequisites\n"
        "py,Python,course,,,\nvars,Variables,lesson,py,variables,\n"
        'loops,"Loops, and\nmore",lesson,py,loops~for,variables\n'
    )
    (folder / "interactions.csv").write_text(
        "learner_id,item_id,occurred_at,correct,event_id\n"
        "71000001,vars,2025-01-01T10:00:00Z,1,71000001-1\n71000001,loops,2025-01-02T10:00:00Z,0,\n"
        "71000002,csv:vars,2025-01-03,,e3\n71000003,loops,2025-01-04T10:00:00+02:00,,\n"
    )


def csv_broken(folder: Path) -> tuple[str, int]:
    with (folder / "interactions.csv").open("a") as file:
        file.write("71000002,vars,2025-01-05,1,e5,and more\n")
    return "interactions.csv", 6


MODULE = """<document xmlns="http://cnx.rice.edu/cnxml" xmlns:m="http://www.w3.org/1998/Math/MathML">
<title>Senses {n}</title>
<metadata xmlns:md="http://cnx.rice.edu/mdml"><md:content-id>m{n}</md:content-id></metadata>
<content><para id="p">A <term>sense</term> tells of <m:math><m:mi>x</m:mi></m:math>.</para>
<section class="review-questions"><title>Review</title>
<exercise id="e1"><problem><para>Which one is a sense?</para>
<list list-type="enumerated" number-style="lower-alpha"><item>sight</item><item>night</item></list></problem>
<solution><para>A</para></solution></exercise>
<exercise id="e2"><problem><para>Why?</para></problem></exercise>
</section></content></document>"""


def openstax_sample(folder: Path) -> None:
    (folder / "collections").mkdir()
    (folder / "collections" / "senses.collection.xml").write_text(
        '<col:collection xmlns:col="http://cnx.rice.edu/collxml" xmlns:md="http://cnx.rice.edu/mdml">'
        "<col:metadata><md:title>Senses</md:title><md:slug>senses</md:slug><md:language>en</md:language>"
        '</col:metadata><col:content><col:module document="m2"/><col:subcollection><md:title>One</md:title>'
        '<col:content><col:module document="m1"/></col:content></col:subcollection></col:content>'
        "</col:collection>"
    )
    for number in (1, 2, 3):
        (folder / "modules" / f"m{number}").mkdir(parents=True)
        (folder / "modules" / f"m{number}" / "index.cnxml").write_text(MODULE.replace("{n}", str(number)))


def openstax_broken(folder: Path) -> tuple[str, int]:
    path = folder / "modules" / "m3" / "index.cnxml"
    path.write_text(path.read_text().replace("</problem></exercise>", "</exercise>"))
    return "modules/m3/index.cnxml", 9


def responses_sample(folder: Path) -> None:
    (folder / "answers.tsv").write_text(
        "user_id\titem_id\ttimestamp\tcorrect\tskill_id\n71000001\t4\t1499059021\t1\t0~7\n"
        "71000001\t5\t1499059046000\t0\t0_12\n71000002\t4\t1499059021.5\t0.0\t7\n"
        "71000003\t6\t1499069021\t1\t\n71000003\t6\t1499079021\t0\t\n"
    )


def responses_broken(folder: Path) -> tuple[str, int]:
    with (folder / "answers.tsv").open("a") as file:
        file.write("71000001\t6\tsoon\t1\t71000002\n")
    return "answers.tsv", 7


def movielens_sample(folder: Path) -> None:
    (folder / "movies.csv").write_text(
        'movieId,title,genres\n1,A Walk (1999),Drama|Comedy\n2,"Walk, The",(no genres listed)\n'
    )
    (folder / "ratings.csv").write_text(
        "userId,movieId,rating,timestamp\n71000001,1,2.5,1260759144\n71000001,2,5,1260759145\n"
        "71000002,1,0.5,1260759146\n71000003,2,4.0,1260759147\n"
    )


def movielens_broken(folder: Path) -> tuple[str, int]:
    with (folder / "ratings.csv").open("a") as file:
        file.write("71000002,2,5.5,1260759148\n")
    return "ratings.csv", 6
