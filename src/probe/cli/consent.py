"""``probe consent``: read the risks; give, show or withdraw consent. No packet before it."""

from typing import TYPE_CHECKING, Annotated

import typer

from probe.cli.options import ConfigOption, Output, OutputOption, command_app
from probe.cli.output import emit, say
from probe.model.target import Category

if TYPE_CHECKING:
    from probe.consent import Policy

__all__ = ["app"]

app = command_app(no_args_is_help=True)
TRIES = 3

IncludeOption = Annotated[
    list[str] | None,
    typer.Option(
        "--include",
        help="Categories beyond messengers and app stores: tor,vpn. May be repeated.",
        show_default=False,
    ),
]
LanguageOption = Annotated[
    str | None,
    typer.Option(
        "--language",
        help="Of the text: en, fa, ar, es, ru, fr [your system's, or en].",
        show_default=False,
    ),
]


def _categories(include: list[str] | None) -> tuple[Category, ...]:
    from difflib import get_close_matches

    from probe.errors import InputError

    names = [part.strip().lower() for one in include or () for part in one.split(",")]
    known = [category.value for category in Category]
    for name in names:
        if name not in known:
            near = get_close_matches(name, known, n=1)
            raise InputError(
                f"there is no category {name[:30]!r}",
                field="--include",
                mend=f"did you mean {near[0]}?" if near else f"one of {', '.join(known)}",
            )
    return tuple(dict.fromkeys(Category(name) for name in names))


def _language(language: str | None) -> str:
    import os

    from probe.consent import languages, usual_language
    from probe.errors import InputError

    if language is None:
        return usual_language(os.environ)
    if language not in languages():
        raise InputError(
            f"there is no text in {language[:20]!r} yet",
            field="--language",
            mend=f"one of {', '.join(languages())}",
        )
    return language


@app.command()
def show(include: IncludeOption = None, language: LanguageOption = None) -> None:
    """Print the risks, and the questions that will be asked."""
    from probe.consent import policy, shown_text

    spoken = _language(language)
    words = policy(spoken)
    typer.echo(_wrapped(shown_text(_categories(include), spoken)))
    for number, question in enumerate(words.questions, 1):
        typer.echo(f"\n{number}. {question.text}")
        for letter, option in question.options.items():
            typer.echo(f"   {letter}) {option}")
    typer.echo(f"\nVersion {words.version} of this text. {_other_languages(spoken)}")


@app.command()
def give(
    include: IncludeOption = None,
    language: LanguageOption = None,
    i_have_read: Annotated[
        str | None,
        typer.Option(
            "--i-have-read",
            help="For machines without a terminal: the version of the text that you have read.",
            show_default=False,
        ),
    ] = None,
    answers: Annotated[
        str | None,
        typer.Option("--answers", help="With --i-have-read: the letters, x,y.", show_default=False),
    ] = None,
    high_risk: Annotated[
        bool, typer.Option("--high-risk", help="Keep version, hash and day only.")
    ] = False,
    config: ConfigOption = None,
) -> None:
    """Read the risks, answer two questions, and agree; the answers must be right."""
    import os
    import sys

    from probe.clock import SystemClock
    from probe.consent import give as record_consent
    from probe.consent import policy, shown_text
    from probe.errors import ConsentError
    from probe.settings import default_consent, load

    settings = load(config=config, environ=os.environ)
    categories = _categories(include) or settings.include
    spoken = _language(language)
    words = policy(spoken)
    if i_have_read is not None or answers is not None:
        if i_have_read != words.version:
            raise ConsentError(
                f"read version {words.version} of the text first: `probe consent show`"
            )
        letters = (answers or "").split(",")
    elif not sys.stdin.isatty():
        raise ConsentError(
            "nobody is there to answer; read `probe consent show`, then give --i-have-read VERSION"
            " and --answers"
        )
    else:
        say(_wrapped(shown_text(categories, spoken)))
        say(f"\n{_other_languages(spoken)}")
        letters = _ask(words)
    path = default_consent(os.environ)
    record_consent(
        path,
        answers=letters,
        categories=categories,
        now=SystemClock().now(),
        high_risk=high_risk or settings.high_risk,
        language=spoken,
    )
    say(words.recorded.format(path=path))


@app.command()
def status(output: OutputOption = Output.TABLE) -> None:
    """Say whether consent was given, to what, and whether it still holds; exit code 4 if not."""
    import os

    from probe.consent import read_consent, require
    from probe.errors import ConsentError
    from probe.settings import default_consent

    path = default_consent(os.environ)
    given = read_consent(path)
    if given is None:
        say("No consent was given; no packet will be sent.")
        emit([], output, ("version", "given", "categories", "valid"))
        raise typer.Exit(4)
    try:
        require(path, ())
        problem = None
    except ConsentError as exc:
        problem = str(exc)
    row = {
        "version": given.version,
        "given": given.given.date().isoformat(),
        "categories": ",".join(given.categories),
        "valid": problem is None,
    }
    emit([row], output)
    if problem is not None:
        say(problem)
        raise typer.Exit(4)


@app.command()
def withdraw() -> None:
    """Delete the record of consent; nothing is measured any more. Measurements stay."""
    import os

    from probe.consent import withdraw as delete_record
    from probe.settings import default_consent

    if delete_record(default_consent(os.environ)):
        say("Consent is withdrawn. What was measured stays: probe store purge --all deletes it.")
    else:
        say("There was no consent to withdraw.")


def _other_languages(spoken: str) -> str:
    from probe.consent import languages

    return f"Also in: {', '.join(each for each in languages() if each != spoken)} (--language)."


def _ask(words: "Policy") -> list[str]:
    """Ask each question until it is answered rightly, at most three times."""
    from probe.errors import ConsentError

    letters: list[str] = []
    for question in words.questions:
        for _ in range(TRIES):
            say(f"\n{question.text}")
            for letter, option in question.options.items():
                say(f"  {letter}) {option}")
            letter = typer.prompt(words.answer, err=True).strip().lower()
            if letter == question.right:
                letters.append(letter)
                break
            say(words.wrong.format(because=question.because))
        else:
            raise ConsentError("consent was not given")
    if not typer.confirm(f"\n{words.agree}", err=True):
        raise ConsentError("consent was not given")
    return letters


def _wrapped(text: str) -> str:
    import shutil
    import textwrap

    width = min(88, shutil.get_terminal_size().columns)
    return "\n\n".join(
        textwrap.fill(part, width, subsequent_indent="  " if part.startswith("- ") else "")
        for part in text.split("\n\n")
    )
