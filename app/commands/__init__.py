"""Commands of the command line that form a group of their own; `app.cli` has the rest."""
