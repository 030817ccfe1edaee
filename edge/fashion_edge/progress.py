"""Progress bars and tables of all commands, on rich. It takes a while to load: import this where something is drawn."""

from rich.console import Console


class SteadyConsole(Console):
    """Goes on in silence where the reader went away, as `| head` does; rich's own would end the program."""

    def on_broken_pipe(self) -> None:
        """Drop what is printed from now on."""
        self.quiet = True
