"""Making a study: its places, every source's pose there, and the pictures of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from scenepose.errors import RequestError
from scenepose.study import pictures
from scenepose.study.database import Database
from scenepose.study.design import QUESTION, Settings, check_capacity, reference_of
from scenepose.study.items import Place
from scenepose.study.sources import Keypoints
from scenepose.study.tables import Figure, Item, Study
from scenepose.study.tokens import Created, hash_token, new_study


def create(
    database: Database,
    places: Sequence[Place],
    poses: Sequence[dict[str, Keypoints]],
    sources: Sequence[str],
    settings: Settings,
    *,
    title: str = "Which pose looks more natural?",
    question: str = QUESTION,
    progress: Callable[[int], object] | None = None,
) -> Created:
    """Draw every figure and write the study, all or nothing.

    Args:
        places: with poses[k] the poses at places[k] by source.
        sources: which of them are compared; a truth or template beyond them serves attention checks only.

    Raises:
        RequestError: too few pairs for the sessions, a place without anything to check with, a long text.
    """
    check_texts(title, question)
    compared = {k: [name for name in sources if name in here] for k, here in enumerate(poses)}
    check_capacity(settings, compared)
    made = new_study()
    study = Study(
        id=made.study, title=title, question=question, sources=list(sources), settings=settings.to_json(),
        token_hash=hash_token(made.token),
    )  # fmt: skip
    rows: list[tuple[Item, list[Figure]]] = []
    for number, (place, here) in enumerate(zip(places, poses, strict=True)):
        picture = place.picture()
        item = Item(
            study_id=study.id, number=number, scene=place.scene, x=place.point[0], y=place.point[1],
            width=picture.width, height=picture.height,
        )  # fmt: skip
        reference = reference_of(here, compared[number])
        wanted = [(name, False) for name in here if name in compared[number] or name == reference]
        figures = []
        for name, upside_down in [*wanted, (reference, True)]:
            keypoints = pictures.turned(here[name]) if upside_down else here[name]
            figures.append(
                Figure(
                    source=name, turned=upside_down, keypoints=keypoints.round(2).tolist(),
                    picture=pictures.figure(picture, keypoints),
                )
            )  # fmt: skip
            if progress:
                progress(1)
        rows.append((item, figures))
    with database.write() as session:
        session.add(study)
        session.flush()
        for item, figures in rows:
            session.add(item)
            session.flush()
            for drawn in figures:
                drawn.item_id = item.id
            session.add_all(figures)
    return made


def check_texts(title: str, question: str) -> None:
    """Refuse texts that are too long for the raters' page.

    Raises:
        RequestError: the sentence names the text and its length.
    """
    for name, text, longest in (("title", title, 200), ("question", question, 400)):
        if not 1 <= len(text) <= longest:
            raise RequestError(f"the {name} has 1 to {longest} letters, not {len(text)}")
