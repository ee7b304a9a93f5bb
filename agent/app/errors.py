"""What a use case raises where a request cannot be carried out."""


class PolicyFileError(Exception):
    """A file whose text cannot be taken for a policy, in words for the operator."""


class RequestError(Exception):
    """A request that cannot be carried out, through no fault of the program. `why` is a text for the operator, without
    a full stop at its end unless it has more than one sentence."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why
