"""How a run ends early: one line for the person who started it, and an exit code."""


class Stop(Exception):
    """Ends the run. The message is one line that says what happened and what to do.

    code: 1 for what went wrong, 2 for a wrong setting, 130 for Ctrl-C, as shells have it.
    """

    def __init__(self, message: str, code: int = 1) -> None:
        super().__init__(message)
        self.code = code
