"""The known circuit of a model that was built by hand: what a method of circuit discovery should find."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from unravel.errors import UnravelError
from unravel.interp.places import content

if TYPE_CHECKING:
    from unravel.interp.model.variant import VariantMap

FILE = "circuit.json"
LOGITS = "logits"
INPUTS = ("q", "k", "v", LOGITS)
Head = tuple[int, int]


@dataclass(frozen=True)
class Node:
    """A head that has a role. It stands at position `query`, looks at position `key`, and writes what is found there.

    A `standby` node does its work only when another one fails; in the whole model it is silent.
    """

    head: Head
    role: str
    query: str
    key: str
    does: str
    standby: bool = False


@dataclass(frozen=True)
class Edge:
    """What `sender` writes at `position` is read by `receiver` there: by its queries, keys or values (`input`).

    `receiver` is a head, or None for the logits, and then `input` is "logits". A `standby` edge can be cut
    without any effect as long as every head is there.
    """

    sender: Head
    receiver: Head | None
    input: str
    position: str
    standby: bool = False


@dataclass(frozen=True)
class Truth:
    """All nodes and all edges between heads: what is not listed has no effect on the logits."""

    model: str
    positions: Mapping[str, str]
    """What each name of a position means."""
    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]

    def heads(self, *roles: str, standby: bool = True) -> list[Head]:
        """The heads of these roles, or of all; in order of layer and index."""
        known = {node.role for node in self.nodes}
        if strange := sorted(set(roles) - known):
            raise UnravelError(f"No head has the role {strange[0]!r}.", fix=f"There are: {', '.join(sorted(known))}.")
        found = [node for node in self.nodes if not roles or node.role in roles]
        return sorted(node.head for node in found if standby or not node.standby)

    def links(self, *, standby: bool = True) -> set[tuple[Head, Head | None, str]]:
        """The edges as (sender, receiver, input), to be compared with those that a method found."""
        return {(edge.sender, edge.receiver, edge.input) for edge in self.edges if standby or not edge.standby}

    def variant(self, order: VariantMap) -> Truth:
        """The truth of a `model_variant`, by its `variant_map`: the same roles at other indices."""
        nodes = (replace(node, head=order.variant_head(*node.head)) for node in self.nodes)
        edges = (
            replace(edge, sender=order.variant_head(*edge.sender),
                    receiver=edge.receiver and order.variant_head(*edge.receiver))
            for edge in self.edges
        )  # fmt: skip
        return replace(self, nodes=tuple(nodes), edges=tuple(edges))

    def to_dict(self) -> dict[str, Any]:
        """Plain values, as they stand in circuit.json."""
        return asdict(self)


def load_truth(name: str | Path) -> Truth:
    """The known circuit of the model called `name`, or in the folder `name`. Only models built by hand have one."""
    from unravel.interp.model.tensors import read_json

    known = sorted(path.parent.name for path in content("models").glob(f"*/{FILE}"))
    path = (content("models") / name if name in known else Path(name).expanduser()) / FILE
    if not path.is_file():
        near = difflib.get_close_matches(str(name), known, n=1)
        fix = f"Did you mean {near[0]!r}? " if near else ""
        raise UnravelError(f"No circuit is known of {str(name)!r}.", fix=f"{fix}There are: {', '.join(known)}.")
    values = read_json(path)
    try:
        nodes = [Node(**{**node, "head": _head(node["head"])}) for node in values["nodes"]]
        edges = [Edge(**{**edge, "sender": _head(edge["sender"]), "receiver": edge["receiver"] and
                 _head(edge["receiver"])}) for edge in values["edges"]]  # fmt: skip
        return _checked(Truth(str(values["model"]), dict(values["positions"]), tuple(nodes), tuple(edges)))
    except (KeyError, TypeError, ValueError) as error:
        fix = "Fetch the model again."
        raise UnravelError(f"This circuit is damaged ({error}).", fix=fix, path=path) from None


def _head(value: Iterable[int]) -> Head:
    layer, head = value
    return int(layer), int(head)


def _checked(truth: Truth) -> Truth:
    heads = {node.head for node in truth.nodes}
    for edge in truth.edges:
        ends = {edge.sender, edge.receiver or edge.sender}
        if not ends <= heads or edge.input not in INPUTS or (edge.receiver is None) != (edge.input == LOGITS):
            raise ValueError(f"{edge} joins no two of its heads")
        if {edge.position} - set(truth.positions):
            raise ValueError(f"{edge} lies at no known position")
    return truth
