"""Every error Learnloop raises on purpose.

LearnloopError            what is wrong, and the next command to type
├── BadInput              a file, page, row or request we cannot accept
├── BadSettings           an environment variable that is missing, malformed or unsafe
├── DatabaseUnavailable   PostgreSQL cannot be started or reached
├── NothingToDo           a step has no input yet (nothing imported, nothing trained, …)
├── UnknownThing          an identifier nobody has heard of (item, learner, concept, question)
├── ModelUnavailable      a model or release is missing, or its files do not match their manifest
└── ChecksFailed          a gate said no: the challenger is worse, a budget is exceeded
"""


class LearnloopError(Exception):
    """`problem` is one sentence; `next_step` a command or an action that mends it (may be empty).

    >>> str(NothingToDo("no interactions yet", "learnloop import oulad DIR"))
    'no interactions yet. Try: learnloop import oulad DIR'
    """

    def __init__(self, problem: str, next_step: str = "") -> None:
        self.problem = problem.rstrip(".")
        self.next_step = next_step
        sentence = self.problem if self.problem.endswith(("?", "!")) else f"{self.problem}."
        super().__init__(f"{sentence} Try: {next_step}" if next_step else sentence)

    def __reduce__(self) -> tuple[object, ...]:
        """An error on another process's partition arrives here with the words it had there."""
        return type(self), (self.problem, self.next_step), self.__dict__


class BadInput(LearnloopError):
    """`field` names what is wrong with the input, where one field is to blame."""

    def __init__(self, problem: str, next_step: str = "", field: str = "") -> None:
        super().__init__(problem, next_step)
        self.field = field


class BadSettings(LearnloopError):
    pass


class DatabaseUnavailable(LearnloopError):
    pass


class NothingToDo(LearnloopError):
    pass


class UnknownThing(LearnloopError):
    pass


class ModelUnavailable(LearnloopError):
    pass


class ChecksFailed(LearnloopError):
    pass
