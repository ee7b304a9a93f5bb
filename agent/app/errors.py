"""The errors of use cases for requests that cannot be carried out."""


class PolicyFileError(Exception):
    """The file does not contain the text of a policy. The message tells the operator why."""


class RequestError(Exception):
    """The request cannot be carried out, through no fault of the program. `why` is for the operator, and ends with a
    full stop only if it has more than one sentence."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why
