"""The 601 classes and their 34 categories."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from o2b_helpers.core.errors import InputError
from o2b_helpers.inputs.corpora.open_images import categories, category_of

THE_PAPERS = {  # sizes and members as the paper gives them in section 3.2
    "Clothing": (30, ["Backpack", "Dress", "Jeans"]),
    "Furniture": (25, ["Couch", "Lamp", "Table"]),
    "Health": (9, ["Band-aid", "Crutch", "Toothbrush"]),
    "Body Parts": (13, ["Human arm", "Human ear", "Human head"]),
    "Human": (5, ["Boy", "Girl", "Man", "Woman", "Person"]),
    "Nature": (14, ["Honeycomb", "Maple", "Rose"]),
    "Places": (11, ["Fountain", "Lighthouse", "Skyscraper"]),
    "Sports": (39, ["Canoe", "Jet ski", "Racket"]),
    "Transport": (28, ["Bus", "Helicopter", "Segway"]),
}


def test_601_classes_in_34_categories():
    table = categories()
    assert list(table.columns) == ["class", "category"]
    assert len(table) == table["class"].nunique() == 601
    assert table["category"].nunique() == 34


@pytest.mark.parametrize("category", THE_PAPERS)
def test_the_papers_nine(category):
    size, members = THE_PAPERS[category]
    table = categories()
    classes = set(table.loc[table["category"] == category, "class"])
    assert len(classes) == size
    assert classes.issuperset(members)
    if category == "Human":
        assert classes == set(members)


def test_names_are_the_detectors():
    import ultralytics
    import yaml

    path = Path(ultralytics.__file__).parent / "cfg" / "datasets" / "open-images-v7.yaml"
    names = yaml.safe_load(path.read_text(encoding="utf-8"))["names"]
    assert categories()["class"].tolist() == [names[number] for number in range(601)]


def test_names_are_open_images(real_data):
    with (real_data / "openimages" / "class-descriptions-boxable.csv").open(encoding="utf-8") as handle:
        names = [row[1] for row in csv.reader(handle)]
    assert len(names) == 601
    table = categories()
    assert {category_of(name, table) for name in names} == set(table["category"])


def test_both_spellings():
    assert category_of("Donut") == category_of("Doughnut") == "Baked Goods and Sweets"


def test_unknown_class_is_refused_with_a_suggestion():
    with pytest.raises(InputError, match="Human head"):
        category_of("human heads")


COCO_COUNTERPARTS = {
    "hot dog": "Hot dog", "cell phone": "Mobile phone", "cow": "Cattle", "potted plant": "Houseplant",
    "sports ball": "Ball", "frisbee": "Flying disc", "skis": "Ski", "cup": "Mug", "tv": "Television",
    "dining table": "Kitchen & dining room table", "mouse": "Computer mouse", "remote": "Remote control",
    "keyboard": "Computer keyboard", "microwave": "Microwave oven", "hair drier": "Hair dryer",
}  # fmt: skip


def test_coco_names_are_the_detectors():
    import ultralytics
    import yaml

    path = Path(ultralytics.__file__).parent / "cfg" / "datasets" / "coco.yaml"
    names = yaml.safe_load(path.read_text(encoding="utf-8"))["names"]
    table = categories(classes=["dog"])
    assert table["class"].tolist() == [names[number] for number in range(80)]
    assert not set(table["class"]) & set(categories()["class"])


def test_coco_classes_are_where_their_counterparts_are():
    table = categories(classes=["dog"])
    ours = categories()
    assert table["category"].nunique() == 34 - 11
    for name, category in table.itertuples(index=False):
        counterpart = COCO_COUNTERPARTS.get(name, name.capitalize())
        assert category_of(counterpart, ours) == category, name


def test_which_table_the_names_ask_for(tmp_path):
    path = tmp_path / "mine.csv"
    path.write_text("class,category\ndog,Friends\n", encoding="utf-8")
    assert len(categories(classes=["person", "dog"])) == 80
    assert len(categories(path, classes=["dog"])) == 1
    for names in ([], None, ["Person"], ["person", "Person"], ["persons"]):
        assert len(categories(classes=names)) == 601


def test_own_table(tmp_path):
    path = tmp_path / "mine.csv"
    path.write_text("class,category\nDoughnut,Round\nTree,Tall\n", encoding="utf-8")
    table = categories(path)
    assert category_of("Donut", table) == "Round" and category_of("Tree", table) == "Tall"
    with pytest.raises(InputError):
        category_of("Person", table)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("class,categry\nTree,Tall\n", "categry -> category"),
        ("class,category\nTree,Tall\nTree,Green\n", "'Tree'"),
        ("class,category\nTree,\n", "empty"),
    ],
)
def test_bad_own_table(tmp_path, text, words):
    path = tmp_path / "mine.csv"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=words):
        categories(path)
