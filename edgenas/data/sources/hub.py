"""`OWNER/NAME`: a data set of the Hugging Face hub, or of its cache. No code of the data set is run."""

from __future__ import annotations

import os
import re
from pathlib import Path

from edgenas.data.hugging_face import from_datasets, reading
from edgenas.data.raw import RawData
from edgenas.data.sources import ARCHIVES

FORM = "OWNER/NAME of the Hugging Face hub"


def accepts(source: str) -> bool:
    """A name like `ylecun/mnist` that no file or folder here has, and whose owner is no folder here."""
    path = Path(source)
    return (re.fullmatch(r"\w[\w-]*/[\w-][\w.-]*", source) is not None and not os.path.exists(path.parent)
            and path.suffix.lower() not in (*ARCHIVES, ".npz", ".parquet"))


def read(source: str) -> RawData:
    import datasets
    from huggingface_hub.constants import HF_HUB_CACHE

    with reading(f"the data set {source} of the Hugging Face hub (there is no folder of that name)"):
        found = datasets.load_dataset(source)
    caches = (datasets.config.HF_DATASETS_CACHE, datasets.config.DOWNLOADED_DATASETS_PATH, HF_HUB_CACHE)
    return from_datasets(source, found, map(Path, caches))
