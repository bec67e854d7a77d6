"""What is said of an app in a store names what was compared."""

import pytest
from listing_scenes import LISTINGS

SAID = {
    "offered": "Big Store offers Chat (the app) here.",
    "missing here, in another storefront and for a control offered": "elsewhere at the same time",
    "missing here, offered in another storefront": "in this country's storefront",
    "missing here and for one control": "the one other place",
    "missing here and for two controls": "neither here nor elsewhere",
    "missing, and it was there before": "it did before or elsewhere",
    "missing, and nobody else looked": "whether it does elsewhere was not seen",
    "a page that says neither": "nor a word that it does not have it",
}


@pytest.mark.parametrize("name", SAID)
def test_the_sentence_says_with_what_it_was_compared(name: str) -> None:
    """Rows that agree in everything else still say different things to a reader."""
    scene = next(scene for scene in LISTINGS if scene.name == name)
    assert SAID[name] in scene.judge().sentence
