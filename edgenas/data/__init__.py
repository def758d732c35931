"""Images by class from many kinds of source, split once; augmentation and minibatches."""

from __future__ import annotations

from edgenas.data.load import load
from edgenas.data.task import Split, Task
from edgenas.errors import DataWarning

__all__ = ["DataWarning", "Split", "Task", "load"]
