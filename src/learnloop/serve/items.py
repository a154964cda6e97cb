"""What can be learned: items, and what is like them."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query, Response
from fastapi.responses import JSONResponse

from learnloop.errors import UnknownThing
from learnloop.prepare.markup import text_as_html
from learnloop.serve import queries
from learnloop.serve.backend import Backend, backend
from learnloop.serve.events import ItemId
from learnloop.serve.problems import ANSWERS
from learnloop.serve.replies import ItemReply, Similar
from learnloop.serve.security import STAFF, Caller
from learnloop.serve.state import Serving

router = APIRouter(prefix="/v1", tags=["Items"], responses=ANSWERS)

Here = Annotated[Backend, Depends(backend)]
ItemPath = Annotated[ItemId, Path(examples=["demo:courses/python-basics/loops"])]
PUBLIC: tuple[str, ...] = (
    *("item_id", "kind", "source", "parent_id", "position", "title", "text", "abstract", "summary"),
    *("language", "subject", "level", "duration_s", "licence", "url"),
)
NO_ITEM: dict[int | str, dict[str, Any]] = {404: {"description": "Nobody has heard of this item"}}


@router.get(
    "/items/{item_id:path}/similar",
    response_model=Similar,
    summary="Items like this one",
    responses=NO_ITEM,
)
async def get_similar(
    identity: Caller, item_id: ItemPath, here: Here, k: Annotated[int, Query(ge=1, le=50)] = 10
) -> Response:
    """By who did them; for an item that nobody did in training, by the concepts they share.

    An exercise answers for its lesson.
    """
    serving = here.serving
    if item_id not in serving.content.facts:
        raise UnknownThing(f"there is no item {item_id!r}")
    asked = serving.content.rolls_up.get(item_id, item_id)
    basis, found = _similar(serving, asked, k)
    items = [
        {
            **{name: serving.content.facts[one][name] for name in ("item_id", "title", "url", "kind")},
            "score": score,
        }
        for one, score in found
    ]
    return JSONResponse({"item_id": item_id, "basis": basis, "items": items})


def _similar(serving: Serving, item_id: str, k: int) -> tuple[str, list[tuple[str, float]]]:
    facts = serving.content.facts
    try:
        near = serving.released.recommenders.ials.similar(item_id, k + 1)
    except UnknownThing:
        return "concepts", _sharing(serving, item_id, k)
    pairs = zip(near["item_id"].tolist(), near["score"].astype(float).tolist(), strict=True)
    return "activity", [(one, score) for one, score in pairs if one in facts][:k]


def _sharing(serving: Serving, item_id: str, k: int) -> list[tuple[str, float]]:
    """Jaccard index of the concepts they teach."""
    catalogue = serving.shelf().catalogue
    own = set(catalogue.concepts.get(item_id, ()))
    scores = {
        other: len(own & set(concepts)) / len(own | set(concepts))
        for other, concepts in catalogue.concepts.items()
        if other != item_id and own & set(concepts)
    }
    return sorted(scores.items(), key=lambda pair: (-pair[1], pair[0]))[:k]


@router.get("/items/{item_id:path}", response_model=ItemReply, summary="One item", responses=NO_ITEM)
async def get_item(identity: Caller, item_id: ItemPath, here: Here) -> Response:
    """With its text and concepts. The key of an exercise (`answer`) and what only its source has
    (`attributes`) are for instructor, admin and service, and so are the concepts of a question of the bank:
    they may give its key away."""
    row = await here.run(queries.item, here.engine, item_id)
    if row is None:
        raise UnknownThing(f"there is no item {item_id!r}")
    content = here.serving.content
    found: dict[str, Any] = {name: row[name] for name in PUBLIC}
    found["text_html"] = text_as_html(row["text"])
    found["concepts"] = [
        {"concept_id": concept, "title": content.concept_titles.get(concept, concept)}
        for concept in content.taught.get(item_id, ())
        if identity.role in STAFF or row["source"] != "question"
    ]
    if identity.role in STAFF:
        found |= {"answer": row["answer"], "attributes": row["attributes"]}
    return JSONResponse(found)
