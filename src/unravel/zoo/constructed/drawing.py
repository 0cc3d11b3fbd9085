"""The circuit as the card shows it: a table of the heads, and a drawing in letters."""

from __future__ import annotations

from unravel.interp.truth import Edge, Head, Truth
from unravel.zoo.constructed import circuit
from unravel.zoo.constructed.circuit import IDLE

DRAWING = """
  S1 ........ S1+1 ............ S2 ................ END

  name -----------------------> DUPL ------ V ----> TOKN --- Q --+
                                duplicate           S-inhibition |
                                                                 |
  name -----> PREV ----- K ---> INDU ---- K, V ---> PLCE --- Q --+
              previous          induction           S-inhibition |
                                                                 v
  IO ---------------------------------------------> MOVERS____ movers    ---> logits
                                                    NEGATIVE__ negative  ---> logits
                                                      |
                                                     Q, K
                                                      v
                                                    BACKUPS___ backups   - -> logits
"""
MARKS = {
    "DUPL": circuit.DUPLICATE,
    "PREV": circuit.PREVIOUS,
    "INDU": circuit.INDUCTION,
    "TOKN": circuit.TOKEN,
    "PLCE": circuit.PLACE,
    "MOVERS____": circuit.MOVER,
    "NEGATIVE__": circuit.NEGATIVE,
    "BACKUPS___": circuit.BACKUP,
}
"""What stands in the drawing for the heads of each role, as wide as they are."""


def drawn(model: str) -> str:
    """The section of the card on the circuit, as Markdown."""
    known = circuit.truth(model)
    places = "\n".join(f"- **{name}**: {what}" for name, what in known.positions.items())
    edges = "\n".join(["| from | to | input | at |", "|---|---|---|---|", *_edges(known)])
    return "\n\n".join([_nodes(known), places, "```" + _filled() + "```", "The edges, all that there are:", edges])


def label(head: Head) -> str:
    """As in L0H1."""
    return f"L{head[0]}H{head[1]}"


def _nodes(known: Truth) -> str:
    lines = ["| head | role | looks from | to | and |", "|---|---|---|---|---|"]
    for node in sorted(known.nodes, key=lambda node: node.head):
        lines.append(f"| {label(node.head)} | {node.role} | {node.query} | {node.key} | {node.does} |")
    lines += [f"| {label(head)} | idle | | | {what} |" for head, (what, _) in sorted(IDLE.items())]
    return "\n".join(lines)


def _edges(known: Truth) -> list[str]:
    """A line for each pair of roles and input."""
    roles = {node.head: node.role for node in known.nodes}

    def kind(edge: Edge) -> tuple[str, str, str, str]:
        to = roles[edge.receiver] if edge.receiver else "logits"
        waits = " (only once a mover is gone)" if edge.standby else ""
        part = "" if edge.receiver is None else edge.input.upper()
        return roles[edge.sender], to, part, edge.position + waits

    return ["| " + " | ".join(line) + " |" for line in dict.fromkeys(kind(edge) for edge in known.edges)]


def _filled() -> str:
    text = DRAWING
    for mark, role in MARKS.items():
        text = text.replace(mark, ", ".join(map(label, circuit.of(role))).ljust(len(mark)))
    return text
