"""Sums of the simulation so far, merged in a fixed tree (MODEL.md 4), and their checkpoint."""

from __future__ import annotations

import io
import json
import zipfile
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from .sampling import ROUND

Floats = NDArray[np.float64]


class CheckpointError(ValueError):
    """A checkpoint that does not belong to this model and engine version, or is damaged."""


class Sums(NamedTuple):
    """Sums over iterations: `joint` [16, T, S] of probabilities, `squares` [16, reported] around the reference."""

    joint: Floats
    squares: Floats

    def plus(self, later: Sums) -> Sums:
        """These sums and those of the rounds that follow."""
        return Sums(self.joint + later.joint, self.squares + later.squares)


@dataclass
class Tally:
    """Rounds simulated so far, as the nodes of a binary tree over rounds.

    `nodes[k]` holds the sums of 2^k rounds or None, exactly as the binary digits of `rounds`: which numbers are added
    in which order depends on the number of rounds alone, never on slices, threads, shards or restarts.
    """

    rounds: int = 0
    nodes: list[Sums | None] = field(default_factory=list)
    sweeps: int = 0
    unsettled: int = 0
    seconds: float = 0.0
    trace: list[tuple[int, float]] = field(default_factory=list)

    @property
    def iterations(self) -> int:
        """Iterations simulated so far."""
        return self.rounds * ROUND

    def add(self, joint: Floats, squares: Floats, sweeps: NDArray[np.int64]) -> None:
        """Take in the next round: joint [16, T, S], squares [16, reported], sweeps [16, 2]."""
        self._carry(Sums(joint.copy(), squares.copy()), 0)
        self.rounds += 1
        self.sweeps = max(self.sweeps, int(sweeps[:, 0].max()))
        self.unsettled += int(sweeps[:, 1].sum())

    def extend(self, later: Tally) -> None:
        """Take in the next 2^k rounds, tallied elsewhere; ValueError unless they are a whole node of this tree."""
        level = later.rounds.bit_length() - 1
        if later.rounds != 1 << max(level, 0) or self.rounds % later.rounds:
            raise ValueError(f"{later.rounds} rounds are no node of the tree after {self.rounds}")
        self.nodes += [None] * (level - len(self.nodes))
        self._carry(later.total(), level)
        self.rounds += later.rounds
        self.sweeps = max(self.sweeps, later.sweeps)
        self.unsettled += later.unsettled

    def _carry(self, node: Sums, level: int) -> None:
        """Put the sums of the next 2^level rounds in their place, as a binary counter counts on."""
        while level < len(self.nodes) and (left := self.nodes[level]) is not None:
            node = left.plus(node)
            self.nodes[level] = None
            level += 1
        if level == len(self.nodes):
            self.nodes.append(None)
        self.nodes[level] = node

    def total(self) -> Sums:
        """The sums over all rounds: smaller nodes are added to larger ones. Needs at least one round."""
        held = [node for node in self.nodes if node is not None]
        total = held[0]
        for node in held[1:]:
            total = node.plus(total)
        return total

    def to_bytes(self, key: str) -> bytes:
        """The checkpoint of a run that is identified by `key`."""
        head = {
            "key": key,
            "rounds": self.rounds,
            "sweeps": self.sweeps,
            "unsettled": self.unsettled,
            "seconds": self.seconds,
            "trace": self.trace,
        }
        arrays = {
            f"{name}{level}": part
            for level, node in enumerate(self.nodes)
            if node is not None
            for name, part in node._asdict().items()
        }
        buffer = io.BytesIO()
        np.savez(buffer, head=np.frombuffer(json.dumps(head).encode(), dtype=np.uint8), **arrays)
        return buffer.getvalue()

    @classmethod
    def from_bytes(cls, checkpoint: bytes, key: str) -> Tally:
        """Go on from a checkpoint. Raises CheckpointError if it is not one of the run `key`."""
        try:
            with np.load(io.BytesIO(checkpoint), allow_pickle=False) as stored:
                head = json.loads(stored["head"].tobytes())
                rounds = int(head["rounds"])
                nodes = [
                    Sums(stored[f"joint{level}"], stored[f"squares{level}"]) if rounds >> level & 1 else None
                    for level in range(rounds.bit_length())
                ]
        except (ValueError, KeyError, OSError, EOFError, zipfile.BadZipFile) as error:
            raise CheckpointError(f"damaged checkpoint: {error}") from None
        if head["key"] != key:
            raise CheckpointError("the checkpoint belongs to another model or engine version")
        trace = [(int(iterations), float(width)) for iterations, width in head["trace"]]
        return cls(rounds, nodes, head["sweeps"], head["unsettled"], head["seconds"], trace)
