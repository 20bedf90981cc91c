"""From the `encoder` setting to a folder: names, folders, hub ids, and what can be wrong."""

import json
import pathlib
import shutil

import huggingface_hub
import pytest

from retrieval import errors
from retrieval.encoders import catalogue, spec


def quiet(_step: str, _fraction: float) -> None:
    pass


@pytest.fixture(scope="module")
def minilm(encoders: pathlib.Path) -> pathlib.Path:
    return catalogue.prepare("minilm-en", encoders, quiet)


@pytest.fixture
def own_folder(tmp_path: pathlib.Path, minilm: pathlib.Path) -> pathlib.Path:
    """A Hugging Face folder as an operator would bring it: no `encoder.json`, no manifest."""
    folder = tmp_path / "brought"
    folder.mkdir()
    for name in ("config.json", "model.safetensors", "tokenizer.json"):
        shutil.copyfile(minilm / name, folder / name)
    return folder


def test_auto_follows_the_languages_of_the_knowledge() -> None:
    assert catalogue.resolve("auto", all_english=True) == "minilm-en"
    assert catalogue.resolve("auto", all_english=False) == "multilingual-e5"


def test_names_and_hub_ids_stay_as_they_are() -> None:
    assert catalogue.resolve("multilingual-e5", all_english=True) == "multilingual-e5"
    assert catalogue.resolve("some-org/model_v1.5", all_english=True) == "some-org/model_v1.5"


def test_a_folder_becomes_an_absolute_path(tmp_path: pathlib.Path) -> None:
    assert catalogue.resolve(str(tmp_path), all_english=False) == str(tmp_path.resolve())


@pytest.mark.parametrize("choice", ["", " ", "minilm", "/no/such/folder", "a/b/c", "../x", "e5\n"])
def test_a_choice_that_names_nothing(choice: str) -> None:
    with pytest.raises(errors.EncoderChoiceError) as caught:
        catalogue.resolve(choice, all_english=False)
    assert repr(choice) in str(caught.value)
    assert "multilingual-e5" in caught.value.hint


def test_the_second_time_is_only_a_check(encoders: pathlib.Path, minilm: pathlib.Path) -> None:
    before = (minilm / spec.INT8).stat().st_mtime_ns
    steps: list[tuple[str, float]] = []
    again = catalogue.prepare("minilm-en", encoders, lambda *step: steps.append(step))
    assert again == minilm
    assert steps == [("verify", 0.0), ("ready", 1.0)]
    assert (minilm / spec.INT8).stat().st_mtime_ns == before


def test_a_changed_network_is_refused(tmp_path: pathlib.Path, minilm: pathlib.Path) -> None:
    shutil.copytree(minilm, tmp_path / "encoders" / "minilm-en")
    path = tmp_path / "encoders" / "minilm-en" / spec.INT8
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    with pytest.raises(errors.ArtifactError, match=r"int8\.onnx was changed"):
        catalogue.prepare("minilm-en", tmp_path, quiet)


def test_an_own_folder_is_converted(own_folder: pathlib.Path, tmp_path: pathlib.Path) -> None:
    steps: list[str] = []
    folder = catalogue.prepare(str(own_folder), tmp_path, lambda step, _: steps.append(step))
    described = spec.read(folder)
    assert (described.dim, described.query_prefix, described.max_length) == (384, "", 512)
    assert (folder / spec.INT8).is_file()
    assert steps[0] == "convert"
    assert steps[-1] == "ready"
    assert sorted(path.name for path in folder.parent.iterdir() if path.is_dir()) == [folder.name]


def test_an_own_folder_without_weights(own_folder: pathlib.Path, tmp_path: pathlib.Path) -> None:
    (own_folder / "model.safetensors").unlink()
    with pytest.raises(errors.EncoderUnavailable, match=r"model\.safetensors is missing"):
        catalogue.prepare(str(own_folder), tmp_path, quiet)


def test_an_own_folder_of_another_kind(own_folder: pathlib.Path, tmp_path: pathlib.Path) -> None:
    (own_folder / "config.json").write_text('{"model_type": "gpt2"}', encoding="utf-8")
    with pytest.raises(errors.EncoderUnavailable, match="'gpt2' is not supported"):
        catalogue.prepare(str(own_folder), tmp_path, quiet)


def test_weights_that_are_no_weights(own_folder: pathlib.Path, tmp_path: pathlib.Path) -> None:
    (own_folder / "model.safetensors").write_bytes(b"not weights")
    with pytest.raises(errors.EncoderUnavailable, match="cannot be loaded"):
        catalogue.prepare(str(own_folder), tmp_path, quiet)


def test_pooling_that_is_not_the_mean(own_folder: pathlib.Path, tmp_path: pathlib.Path) -> None:
    (own_folder / "1_Pooling").mkdir()
    config = json.dumps({"pooling_mode_mean_tokens": False, "pooling_mode_cls_token": True})
    (own_folder / "1_Pooling" / "config.json").write_text(config, encoding="utf-8")
    with pytest.raises(errors.EncoderUnavailable, match="mean pooling"):
        catalogue.prepare(str(own_folder), tmp_path, quiet)


def test_a_hub_without_network(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(errors.EncoderUnavailable, match="no-such-org/no-such-model") as caught:
        catalogue.prepare("no-such-org/no-such-model", tmp_path, quiet)
    assert "multilingual-e5" in caught.value.hint
