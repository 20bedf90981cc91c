"""Which processors need the slower, overflow-free products."""

import pathlib

from retrieval.encoders import cpu, runtime


def test_flags_come_from_the_first_processor(tmp_path: pathlib.Path) -> None:
    listing = tmp_path / "cpuinfo"
    listing.write_text("model name : x\nflags\t\t: fpu avx2 avx_vnni\nflags : none\n", "utf-8")
    assert cpu.VNNI & cpu._flags(listing) == {"avx_vnni"}


def test_no_listing_means_no_flags(tmp_path: pathlib.Path) -> None:
    assert cpu._flags(tmp_path / "nothing") == set()


def test_the_answer_is_known_once_an_encoder_is_loaded(encoder: runtime.Encoder) -> None:
    assert encoder.encode(["hello"]).shape == (1, 384)
    assert cpu.saturates.cache_info().currsize == 1
