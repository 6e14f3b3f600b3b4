"""The mark classes that this process knows on a board, as commands, tools and daemons add to them and use them."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any

from blackboard.board.facade import Blackboard
from blackboard.board.mark_classes.mark_class_registry import ClassSource
from blackboard.core.specs.deployment import Deployment

if TYPE_CHECKING:
    from blackboard.core.agents.agent_definition import Agent


def load_classes_from(board: Blackboard, source: ClassSource) -> None:
    """Set a source of classes, such as a deployment file. It is asked once, for a kind whose class is not known."""
    board.session.classes.load_from(source)


def learn_classes_of(board: Blackboard, agents: Collection[Agent]) -> None:
    """Add the classes that agents declare, and load the classes of the kinds that they name.

    Raises:
        InvalidMark: A class would lose a value of its marks, or another class has its kind.
    """
    classes = board.session.classes
    for agent in agents:
        classes.add(agent.kinds.values())
    classes.load(kind for agent in agents for kind in agent.spec.kinds)


def load_class(board: Blackboard, kind: str) -> None:
    """Load the classes of the source if the class of a kind is not known."""
    board.session.classes.load({kind})


def stored_subject(
    board: Blackboard, kind: str, payload: Mapping[str, Any], subject: str, deployment: Deployment
) -> str:
    """Return the subject of a deposit in its stored form, which the class of the kind may determine.

    If the deposit would be refused, its class determines nothing.

    Raises:
        BlackboardError: The class of the kind is not known, and the source of classes failed.
    """
    return board.session.classes.stored_subject(kind, payload, subject, deployment)
