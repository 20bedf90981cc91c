"""The trained extractor: what it learns, and that its folder cannot be changed unnoticed."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from classifier import errors
from classifier.entities import annotation, labels, reading, tokens, trained
from classifier.entities.reading import EntityData, Named
from classifier.entities.trained import TrainedExtractor

CITIES = ("Berlin", "Paris", "Rome", "Oslo", "Lyon", "Metz")
TRIPS = [
    f'fly from [{a}]{{"entity": "city", "role": "from"}} to [{b}]{{"entity": "city", "role": "to"}}'
    for a, b in itertools.pairwise(CITIES)
]
PIZZAS = [
    f'one with [{a}]{{"entity": "topping", "group": "1"}}'
    f' and one with [{b}]{{"entity": "topping", "group": "2"}}'
    for a, b in [("ham", "olives"), ("olives", "onions"), ("onions", "ham")]
]
CHINESE = [
    f"我买的[{item}](item)坏了" for item in ("水壶", "台灯", "地毯", "咖啡机", "电饭煲", "靠垫")
]
PLAIN = ["hello there", "where is my order", "我要退货", "谢谢", "one more thing"]
DATA = EntityData(
    examples=tuple(map(annotation.read, [*TRIPS, *PIZZAS, *CHINESE, *PLAIN])),
    lookups=(Named(name="item", text="空气炸锅"),),
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("models") / "entities"
    trained.train(DATA, made)
    return made


@pytest.fixture(scope="module")
def extractor(folder: Path) -> TrainedExtractor:
    return trained.load(folder)


def test_it_finds_what_it_was_taught(extractor: TrainedExtractor) -> None:
    for example in DATA.examples:
        found = [
            (e.entity, e.role, e.group, e.start, e.end) for e in extractor.extract(example.text)
        ]
        assert found == [(e.entity, e.role, e.group, e.start, e.end) for e in example.entities]


def test_it_finds_what_it_never_saw(extractor: TrainedExtractor) -> None:
    found = extractor.extract("fly from Madrid to Bern")
    assert [(e.value, e.role) for e in found] == [("Madrid", "from"), ("Bern", "to")]
    assert [e.value for e in extractor.extract("我买的洗衣机坏了")] == ["洗衣机"]
    assert all(e.extractor == trained.NAME and 0.5 < (e.confidence or 0) <= 1 for e in found)


@pytest.mark.parametrize("text", ["", "   ", "hello", "请问几点开门", "!?"])
def test_it_finds_nothing_where_nothing_is(extractor: TrainedExtractor, text: str) -> None:
    assert extractor.extract(text) == ()


@given(st.text())
def test_any_text_gives_pieces_of_itself(extractor: TrainedExtractor, text: str) -> None:
    assert all(text[e.start : e.end] == e.value for e in extractor.extract(text))


@given(st.text())
def test_tokens_are_all_of_the_text_but_its_blanks(text: str) -> None:
    pieces = tokens.split(text)
    assert all(text[t.start : t.end] == t.text for t in pieces)
    assert "".join(t.text for t in pieces) == "".join(text.split())


@given(
    st.lists(
        st.sampled_from(["O", 'B-["a", null, null]', 'I-["a", null, null]', 'I-["b", null, "1"]'])
    )
)
def test_labels_of_any_order_are_read(said: list[str]) -> None:
    found = list(labels.spans(said))
    covered = [i for _, start, end in found for i in range(start, end)]
    assert covered == [i for i, label in enumerate(said) if label != "O"]


def test_words_and_characters_are_tokens() -> None:
    assert [t.text for t in tokens.split("查WS-100234到哪了, ok?")] == [
        *("查", "WS", "-", "100234", "到", "哪", "了", ",", "ok", "?")
    ]


@pytest.mark.parametrize("name", [trained.WEIGHTS, trained.PATTERNS])
def test_a_changed_file_is_refused(folder: Path, tmp_path: Path, name: str) -> None:
    copy = tmp_path / "copy"
    copy.mkdir()
    for path in folder.iterdir():
        (copy / path.name).write_bytes(path.read_bytes())
    (copy / name).write_bytes((copy / name).read_bytes() + b" ")
    with pytest.raises(errors.ArtifactError, match="was changed"):
        trained.load(copy)


@pytest.mark.parametrize("manifest", ["", "[]", "{}", '{"files": 5}', '{"files": {}, "format": 1}'])
def test_a_manifest_of_something_else_is_refused(tmp_path: Path, manifest: str) -> None:
    (tmp_path / "manifest.json").write_text(manifest, encoding="utf-8")
    with pytest.raises(errors.ArtifactError, match="Train again"):
        trained.load(tmp_path)


def test_without_marks_there_is_nothing_to_learn(tmp_path: Path) -> None:
    with pytest.raises(errors.DatasetError, match="no example has an entity marked"):
        trained.train(EntityData(examples=(annotation.read("hi"),)), tmp_path / "x")
    assert not (tmp_path / "x").exists()


def test_the_fingerprint_follows_marks_and_patterns_but_not_the_order() -> None:
    again = EntityData(examples=DATA.examples[::-1], lookups=DATA.lookups)
    assert trained.fingerprint(again) == trained.fingerprint(DATA)
    unmarked = annotation.read("我买的[水壶](thing)坏了")
    assert trained.fingerprint(EntityData(examples=(unmarked,))) != trained.fingerprint(DATA)
    assert trained.fingerprint(EntityData(examples=DATA.examples)) != trained.fingerprint(DATA)


def test_an_example_read_from_a_project_trains(tmp_path: Path) -> None:
    path = tmp_path / "nlu.yml"
    path.write_text("nlu:\n- intent: a\n  examples: |\n    - my [cup](item)\n    - x\n", "utf-8")
    trained.train(reading.read([path], root=tmp_path), tmp_path / "model")
    assert [e.value for e in trained.load(tmp_path / "model").extract("my cup")] == ["cup"]
