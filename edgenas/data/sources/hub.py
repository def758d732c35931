"""`OWNER/NAME`: a data set of the Hugging Face hub, or of its cache. No code of the data set is run.

Parquet files, which the hub has of nearly every data set, are read as those of a folder, within the same limits: the
package `datasets` would unpack them onto the disk first, however much they claim to be. It reads other files.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

from edgenas.data.hugging_face import from_datasets, reading
from edgenas.data.names import assigned
from edgenas.data.parquet import from_parquet
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
    from datasets.packaged_modules.parquet.parquet import Parquet
    from huggingface_hub.constants import HF_HUB_CACHE

    with reading(f"the data set {source} of the Hugging Face hub (there is no folder of that name)"):
        builder = datasets.load_dataset_builder(source)
        files = downloaded(builder) if isinstance(builder, Parquet) else {}
        found: Any = None if files else datasets.load_dataset(source)
    if files:
        named, notes = assigned(source, "parts", files)
        return from_parquet(source, {part: files[split] for part, split in named.items()}, notes, builder.info.features)
    caches = (datasets.config.HF_DATASETS_CACHE, datasets.config.DOWNLOADED_DATASETS_PATH, HF_HUB_CACHE)
    return from_datasets(source, found, map(Path, caches))


def downloaded(builder: Any) -> dict[str, list[str]]:
    """The files of each split of a parquet data set, on this machine."""
    import datasets

    config = datasets.DownloadConfig(cache_dir=builder._cache_downloaded_dir, use_etag=False, token=builder.token,
                                     storage_options=builder.storage_options)
    manager = datasets.DownloadManager(dataset_name=builder.dataset_name, data_dir=builder.config.data_dir,
                                       download_config=config, record_checksums=False)
    found = manager.download(dict(builder.config.data_files or {}))
    return {str(split): [str(path) for path in paths] for split, paths in found.items()}
