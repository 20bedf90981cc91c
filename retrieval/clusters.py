"""An inverted file of FAISS as plain arrays and back, so that none of its own files is ever read.

FAISS's file format is a surface for memory corruption; arrays whose seal was checked are not.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

import faiss
import numpy as np
from numpy.typing import NDArray


def empty(dim: int, clusters: int) -> faiss.IndexIVFScalarQuantizer:
    """An inverted file with 8 bits a dimension, neither trained nor filled."""
    return faiss.IndexIVFScalarQuantizer(
        faiss.IndexFlatIP(dim), dim, clusters, faiss.ScalarQuantizer.QT_8bit,
        faiss.METRIC_INNER_PRODUCT,
    )  # fmt: skip


def taken_apart(index: faiss.IndexIVFScalarQuantizer) -> dict[str, NDArray[Any]]:
    """All that makes up `index`.

    Returns:
        centroids (clusters, dim), trained (m,) of the quantiser, sizes (clusters,), ids (rows,) and
        codes (rows, dim) cluster by cluster, probes (1,).
    """
    lists = cast(faiss.InvertedLists, index.invlists)
    sizes = np.array([lists.list_size(number) for number in range(index.nlist)], np.int64)
    ids = [faiss.rev_swig_ptr(lists.get_ids(n), int(m)).copy() for n, m in enumerate(sizes) if m]
    width = index.code_size
    codes = [
        faiss.rev_swig_ptr(lists.get_codes(n), int(m) * width).copy()
        for n, m in enumerate(sizes)
        if m
    ]
    return {
        "centroids": index.quantizer.reconstruct_n(0, index.nlist),
        "trained": faiss.vector_to_array(index.sq.trained),
        "sizes": sizes,
        "ids": np.concatenate(ids),
        "codes": np.concatenate(codes).reshape(-1, width),
        "probes": np.array([index.nprobe], np.int64),
    }


def assembled(parts: Mapping[str, NDArray[Any]]) -> faiss.IndexIVFScalarQuantizer:
    """The index that was `taken_apart`."""
    centroids = np.ascontiguousarray(parts["centroids"], np.float32)
    index = empty(centroids.shape[1], len(centroids))
    index.quantizer.add(centroids)
    faiss.copy_array_to_vector(np.ascontiguousarray(parts["trained"], np.float32), index.sq.trained)
    index.is_trained = True
    lists = cast(faiss.InvertedLists, index.invlists)
    ends = np.cumsum(parts["sizes"])
    for number, (size, end) in enumerate(zip(parts["sizes"].tolist(), ends.tolist(), strict=True)):
        if size:
            ids = np.ascontiguousarray(parts["ids"][end - size : end], np.int64)
            codes = np.ascontiguousarray(parts["codes"][end - size : end], np.uint8)
            lists.add_entries(number, size, faiss.swig_ptr(ids), faiss.swig_ptr(codes))
    index.ntotal = int(ends[-1])
    index.nprobe = int(parts["probes"][0])
    return index
