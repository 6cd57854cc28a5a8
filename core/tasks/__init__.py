"""Every task, seen whole. A name that is not there raises and lists those that are."""

from __future__ import annotations

from core.errors import Missing
from core.tasks.answers import Answers
from core.tasks.base import Task
from core.tasks.chat import Chat
from core.tasks.choice import Choice
from core.tasks.classification import Classification
from core.tasks.images import Images
from core.tasks.language import Language
from core.tasks.masked import Masked
from core.tasks.multilabel import MultiLabel
from core.tasks.pairs import Pairs
from core.tasks.preferences import Preferences
from core.tasks.ranking import Ranked
from core.tasks.regression import Regression
from core.tasks.relations import Relations
from core.tasks.retrieval import Retrieval
from core.tasks.reward import Reward
from core.tasks.similarity import Similarity
from core.tasks.text2text import Text2Text
from core.tasks.tokens import Tokens
from core.words import Message, listed

ALL: tuple[Task, ...] = (
    Classification(),
    MultiLabel(),
    Regression(),
    Pairs(),
    Similarity(),
    Retrieval(),
    Reward(),
    Ranked(),
    Tokens(),
    Relations(),
    Answers(),
    Choice(),
    Chat(),
    Preferences(),
    Language(),
    Masked(),
    Text2Text(),
    Images(),
)
TASKS: dict[str, Task] = {task.name: task for task in ALL}


def task(name: str) -> Task:
    if name not in TASKS:
        raise Missing(Message("There is no task called “{name}”; there are: {names}.", name=name, names=listed(TASKS)))
    return TASKS[name]
