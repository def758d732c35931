"""The JSON files in a run's folder: the class that writes one reads it.

Each has a constant FILE, and `read(folder)` and `write(folder)`, see edgenas/record.py. Parts of them that other rooms
make are defined there: an epoch of a training in edgenas/train, of a search in edgenas/search, a
candidate in edgenas/selection.
"""

from __future__ import annotations

from edgenas.flow.records.data import Data
from edgenas.flow.records.decoding import Cell, CellEdge, Decoding, Layer, Model, Round
from edgenas.flow.records.frontier import Frontier, FrontierRow, FrontierUncut
from edgenas.flow.records.search import Search
from edgenas.flow.records.sizes import SizeRow, Sizes
from edgenas.flow.records.training import (
    Accuracy,
    Baseline,
    Baselines,
    Frozen,
    Retraining,
    StarterOf,
    Training,
    Uncut,
)
from edgenas.flow.records.verdict import Verdict, VerifiedArtifact, VerifiedBudget, VerifiedFiles
from edgenas.record import Kept
from edgenas.search.history import BudgetState, SearchEpoch
from edgenas.selection.tried import TriedNetwork
from edgenas.train.history import TrainEpoch

__all__ = ["KINDS", "Accuracy", "Baseline", "Baselines", "BudgetState", "Cell", "CellEdge", "Data", "Decoding",
           "Frontier", "FrontierRow", "FrontierUncut", "Frozen", "Layer", "Model", "Retraining", "Round", "Search",
           "SearchEpoch", "SizeRow", "Sizes", "StarterOf", "TrainEpoch", "Training", "TriedNetwork", "Uncut", "Verdict",
           "VerifiedArtifact", "VerifiedBudget", "VerifiedFiles"]

KINDS: tuple[type[Kept], ...] = (Data, Search, Decoding, Training, Verdict, Baselines, Retraining, Uncut, Frontier,
                                 Sizes)
