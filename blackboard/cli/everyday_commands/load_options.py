"""The options of the command `load`, with their help."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from blackboard.cli import completion
from blackboard.cli.row_files.column_matching import ExtraColumns

FileArgument = Annotated[str, typer.Argument(help="The file: CSV, JSON or JSON Lines. Use '-' for stdin.")]
KindOption = Annotated[
    str, typer.Option(help="The kind of mark that each row becomes.", autocompletion=completion.kinds)
]
SubjectOption = Annotated[
    list[str],
    typer.Option(
        metavar="COLUMN", help="The column of the subject. May be repeated: the first non-empty column counts."
    ),
]
MapOption = Annotated[
    list[str] | None,
    typer.Option(
        "--map",
        metavar="COLUMN=FIELD",
        help="Store COLUMN in FIELD. 'COLUMN=' leaves the column out. May be repeated.",
    ),
]
DelimiterOption = Annotated[
    str | None, typer.Option(metavar="CHARACTER", help="The separator of columns; by default it is detected.")
]
EncodingOption = Annotated[
    str | None,
    typer.Option(metavar="NAME", help="The encoding of the text, such as cp1252; by default it is detected."),
]
ExtraOption = Annotated[
    ExtraColumns,
    typer.Option(help="What to do with a column without a field: end with an error, ignore it, or keep it."),
]
KeyOption = Annotated[
    str | None, typer.Option(metavar="COLUMN", help="The column that identifies a row; by default the whole row.")
]
EachOption = Annotated[
    str | None, typer.Option(metavar="PATH", help="The path of the list of rows in a JSON file, such as data.items.")
]
IntensityOption = Annotated[
    str, typer.Option(metavar="N|COLUMN", help="The intensity: a number, or the column that contains it.")
]
OccurredAtOption = Annotated[
    str | None,
    typer.Option(metavar="COLUMN", help="The column with the time of what each row reports; by default now."),
]
RowTagOption = Annotated[
    list[str] | None,
    typer.Option(
        metavar="NAME=VALUE",
        help="Load only rows with this tag. All named tags must match; several values of one tag are alternatives.",
        autocompletion=completion.tags,
    ),
]
FollowOption = Annotated[
    bool, typer.Option("--follow", help="Continue with rows that are written later, like 'tail -F', until Ctrl-C.")
]
AgainOption = Annotated[bool, typer.Option("--again", help="First withdraw the marks of an earlier load of this file.")]
RejectsOption = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE", help="The file for rejected rows; by default FILE.rejects.csv, beside the loaded file."
    ),
]
StrictOption = Annotated[
    bool, typer.Option("--strict", help="Exit with 1 if any row was rejected; by default only if all were.")
]
