"""What an encoder learns from: groups, held-out questions, and training files."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from retrieval import errors
from retrieval.candidate import PastAnswer
from retrieval.encoders.spec import Side
from retrieval.training import material, reading
from retrieval.training.material import Material, Text

EN = PastAnswer(
    id="track", lang="en", intent="", questions=("Where is it?", "tracking"), text="Look there."
)
ZH = PastAnswer(id="track", lang="zh", intent="", questions=("到哪了？",), text="看那里。")


def asked(text: str) -> Text:
    return Text(text, Side.QUERY)


def said(text: str) -> Text:
    return Text(text, Side.PASSAGE)


def groups(count: int, size: int = 3) -> Material:
    return Material(tuple(tuple(asked(f"g{g} t{t}") for t in range(size)) for g in range(count)))


def written(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def test_an_entry_is_one_group_over_its_languages() -> None:
    assert material.of_answers([EN, ZH]).groups == (
        (
            asked("Where is it?"),
            asked("tracking"),
            said("Look there."),
            asked("到哪了？"),
            said("看那里。"),
        ),
    )


def test_held_out_questions_stand_in_no_group_and_are_the_same_each_time() -> None:
    whole = groups(200)
    learned, out = material.held_out(whole, 0.25, 13)
    assert 30 < len(out) < 70
    assert (learned, out) == material.held_out(whole, 0.25, 13)
    assert out != material.held_out(whole, 0.25, 14)[1]
    left = {text for group in learned.groups for text in group}
    for item in out:
        assert item.text not in left
        assert item.text in whole.groups[item.group]
    assert learned.texts == whole.texts - len(out)


def test_pairs_that_name_a_held_out_question_are_not_learned() -> None:
    whole = Material(groups(4).groups, ((asked("g0 t0"), asked("x")), (asked("y"), asked("z"))))
    learned, out = material.held_out(whole, 1.0, 0)
    gone = {item.text for item in out}
    assert [pair for pair in learned.unlike if not gone.isdisjoint(pair)] == []
    assert (asked("y"), asked("z")) in learned.unlike


def test_an_answer_is_never_held_out() -> None:
    whole = Material(((said("an answer"), said("another")), (said("a"), asked("q"))))
    _, out = material.held_out(whole, 1.0, 0)
    assert [item.text for item in out] == [asked("q")]


def test_texts_are_taken_out_whatever_their_case_and_spaces() -> None:
    whole = Material(((asked("Where is it"), said("There.")),), ((asked("no"), asked("yes")),))
    assert material.without(whole, ["where  is IT"]).groups == ((said("There."),),)
    assert material.without(whole, ["NO"]).unlike == ()


def test_pairs_join_to_groups() -> None:
    pairs = [("a", "b"), ("c", "d"), ("b", "e"), ("f", "g"), ("d", "f")]
    found = material.joined([(asked(left), asked(right)) for left, right in pairs])
    assert {frozenset(t.text for t in group) for group in found} == {
        frozenset("abe"),
        frozenset("cdfg"),
    }


def test_labelled_pairs_are_groups_and_known_negatives(tmp_path: Path) -> None:
    rows = 'text_1,text_2,same\n怎么还款,如何还款,1\n怎么还款,"能, 借吗",0\n'
    found = reading.read(written(tmp_path, "pairs.csv", rows))
    assert found.groups == ((asked("怎么还款"), asked("如何还款")),)
    assert found.unlike == ((asked("怎么还款"), asked("能, 借吗")),)


def test_questions_with_answers_and_triples_and_intents(tmp_path: Path) -> None:
    faq = written(tmp_path, "faq.csv", "id,question,answer\n1,Open?,Yes.\n2,Closed?,Yes.\n")
    assert reading.read(faq).groups == (
        (asked("Open?"), said("Yes.")),
        (asked("Closed?"), said("Yes.")),
    )
    row = {"anchor": "a", "positive": "b", "negative": "c"}
    triples = reading.read(written(tmp_path, "t.jsonl", json.dumps(row) + "\n"))
    assert (triples.groups, triples.unlike) == (
        ((asked("a"), asked("b")),),
        ((asked("a"), asked("c")),),
    )
    intents = written(tmp_path, "i.csv", "text,category\nhi,greet\nhello,greet\nbye,leave\n")
    assert reading.read(intents).groups == ((asked("hi"), asked("hello")), (asked("bye"),))


def test_a_file_of_answers_is_read_as_such(tmp_path: Path) -> None:
    path = written(tmp_path, "a.csv", "questions,answer\nOpen? | When?,From nine.\n")
    assert reading.read(path).groups == ((asked("Open?"), asked("When?"), said("From nine.")),)


def test_of_a_beir_folder_only_the_training_part_is_read(tmp_path: Path) -> None:
    (tmp_path / "qrels").mkdir()
    written(tmp_path, "corpus.jsonl", '{"_id": "d1", "text": "Open?\\nFrom nine."}\n')
    queries = '{"_id": "q1", "text": "when"}\n{"_id": "q2", "text": "tested"}\n'
    written(tmp_path, "queries.jsonl", queries)
    head = "query-id\tcorpus-id\tscore\n"
    written(tmp_path, "qrels/train.tsv", f"{head}q1\td1\t1\n")
    written(tmp_path, "qrels/test.tsv", f"{head}q2\td1\t1\n")
    found = reading.read(tmp_path)
    assert {frozenset(group) for group in found.groups} == {
        frozenset([asked("when"), asked("Open?"), said("From nine.")])
    }


@pytest.mark.parametrize(
    ("name", "text", "problem", "line"),
    [
        ("a.csv", "colour,size\nred,3\n", "the columns colour, size make no pairs", 1),
        ("a.csv", "text_1,text_2,same\na,b,maybe\n", "column 'same' is 'maybe'", 2),
        ("a.csv", "question,answer\na\n", "not as many cells", 2),
        ("a.csv", "text,intent\na,x\nb,y\n", "no two texts belong together", 0),
        ("a.csv", "", "make no pairs", 1),
        ("a.jsonl", '{"a": 1}\nnonsense\n', "no JSON object", 2),
        ("a.txt", "a\n", "is no training file", 0),
        ("missing.csv", "", "cannot be read", 0),
    ],
)
def test_what_is_wrong_with_a_file(
    tmp_path: Path, name: str, text: str, problem: str, line: int
) -> None:
    path = tmp_path / name
    if name != "missing.csv":
        path.write_text(text, encoding="utf-8")
    with pytest.raises(errors.CorpusError, match=problem) as caught:
        reading.read(path)
    assert (caught.value.path, caught.value.line) == (str(path), line)
    assert caught.value.hint


def test_a_file_that_is_not_utf_8(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(b"question,answer\n\xff,\xfe\n")
    with pytest.raises(errors.CorpusError, match="cannot be read"):
        reading.read(tmp_path / "a.csv")
