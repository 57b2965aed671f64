"""The published corpora whose files are known: OASIS and FindingEmo."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from o2b_helpers.core.errors import InputError
from o2b_helpers.inputs.corpora.corpus import Corpus, make_corpus
from o2b_helpers.inputs.corpora.reading import read_frame, read_text
from o2b_helpers.inputs.corpora.tables import existing_folder, need_columns

FINDINGEMO_RANGE, FINDINGEMO_NEUTRAL = (-3.0, 3.0), 0.0
FINDINGEMO_AROUSAL = (0.0, 6.0)
OASIS_RANGE, OASIS_NEUTRAL = (1.0, 7.0), 4.0
_OASIS_COLUMNS = {
    "Theme": "theme",
    "Category": "category",
    "Valence_mean": "valence",
    "Valence_SD": "valence_sd",
    "Valence_N": "valence_n",
    "Arousal_mean": "arousal",
    "Arousal_SD": "arousal_sd",
    "Arousal_N": "arousal_n",
}


def read_oasis(folder: Path | str) -> Corpus:
    """Read the Open Affective Standardized Image Set (Kurdi, Lozano and Banaji, 2017).

    Parameters
    ----------
    folder : Path
        Holds OASIS.csv and a folder images with a file ``<Theme>.jpg`` for each row.

    Returns
    -------
    Corpus
        Valence is the mean rating on 1..7, neutral 4; columns theme, category (Person, Object, Scenery, Animal),
        valence_sd, valence_n, arousal, arousal_sd, arousal_n as published. Blanks around a theme do not count.

    Raises
    ------
    InputError
        Missing folder or table, other columns, impossible values.
    """
    folder = existing_folder(folder, "OASIS (OASIS.csv and images/)")
    images = existing_folder(folder / "images", "the OASIS photographs")
    frame = read_frame(folder / "OASIS.csv", text=("Theme", "Category"))
    need_columns(frame, tuple(_OASIS_COLUMNS), "OASIS.csv")
    frame = frame[list(_OASIS_COLUMNS)].rename(columns=_OASIS_COLUMNS)
    frame.insert(0, "image", frame["theme"] + ".jpg")
    return make_corpus(frame, images, OASIS_RANGE, OASIS_NEUTRAL, "oasis", "OASIS.csv")


def findingemo_annotations() -> pd.DataFrame:
    """Return the annotations of FindingEmo (Mertens et al., 2024) from the package findingemo-light.

    Returns
    -------
    DataFrame
        Columns image (relative to the image folder), valence (-3..3), arousal (0..6), emotion, age, ambiguity;
        25,869 rows in the package's order. Annotators' identities are left out.

    Raises
    ------
    InputError
        Where the package is not installed.
    """
    try:
        from findingemo_light.data.read_annotations import read_annotations
    except ImportError as error:
        raise InputError(
            "The FindingEmo annotations are not installed",
            value="no package findingemo-light",
            expected="the Python package findingemo-light (annotations and image addresses, CC BY-NC-SA 4.0)",
            remedy='pip install findingemo-light, or pip install ".[findingemo]" in this repository',
        ) from error
    frame = read_text(read_annotations(), "findingemo-light", text=("image_path", "emotion"))
    frame["image"] = frame["image_path"].str.lstrip("/")  # names start at the download folder, not at the disk
    return frame[["image", "valence", "arousal", "emotion", "age", "ambiguity"]]


def read_findingemo(folder: Path | str) -> Corpus:
    """Read FindingEmo: annotations from findingemo-light, pictures from a folder.

    Parameters
    ----------
    folder : Path
        What ``download_data`` of findingemo-light was given: it holds Run_1 and Run_2. Many addresses have died
        since; pictures that are missing are for `check_images` to list.

    Returns
    -------
    Corpus
        Valence -3..3, neutral 0; pictures may not be shown, as their owners keep their rights.

    Raises
    ------
    InputError
        Where the package or the folder is missing, with how to get them.
    """
    annotations = findingemo_annotations()
    folder = Path(folder)
    if not folder.is_dir():
        raise InputError(
            "The folder of the FindingEmo images is not there",
            value=folder,
            expected="a folder that holds Run_1 and Run_2",
            remedy='download the images once: python -c "from findingemo_light.paper.download_multi import '
            f"download_data; download_data(target_dir='{folder}')\"",
        )
    return make_corpus(annotations, folder, FINDINGEMO_RANGE, FINDINGEMO_NEUTRAL, "findingemo", "findingemo-light")
