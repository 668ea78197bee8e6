"""The colour table: urgency of a TTL and contrast of everything that carries text."""

import math

import pytest

from cache_studio.gui.look.colors import DARK, LIGHT, Colors, Urgency, contrast, urgency

STATES = [state for state in Urgency if state not in (Urgency.FOREVER, Urgency.UNKNOWN)]


@pytest.mark.parametrize(
    ("ttl", "state"),
    [
        (86_400.0, Urgency.FRESH),
        (3600.0, Urgency.FRESH),
        (3599.9, Urgency.SOON),
        (300.0, Urgency.SOON),
        (299.9, Urgency.URGENT),
        (30.0, Urgency.URGENT),
        (29.9, Urgency.LAST),
        (0.0, Urgency.STALE),
        (-5.0, Urgency.STALE),
        (math.inf, Urgency.FOREVER),
        (math.nan, Urgency.UNKNOWN),
    ],
)
def test_urgency_follows_the_time_left(ttl: float, state: Urgency) -> None:
    assert urgency(ttl) is state


@pytest.mark.parametrize("colors", [LIGHT, DARK], ids=["light", "dark"])
@pytest.mark.parametrize(
    ("text", "grounds"),
    [
        ("text", ("window", "surface", "sunken", "selected", "hover", "track")),
        ("text2", ("window", "surface", "sunken", "selected", "hover")),
        ("accent", ("surface", "accent_soft")),
        ("on_accent", ("accent", "accent_hover")),
        ("undo_text", ("undo_ground", "undo_hover")),
        ("undo_link", ("undo_ground",)),
    ],
)
def test_text_can_be_read_on_each_ground(colors: Colors, text: str, grounds: tuple[str, ...]) -> None:
    for ground in grounds:
        assert contrast(getattr(colors, text), getattr(colors, ground)) >= 4.5, f"{text} on {ground}"


@pytest.mark.parametrize("colors", [LIGHT, DARK], ids=["light", "dark"])
@pytest.mark.parametrize("state", STATES)
def test_pills_can_be_read(colors: Colors, state: Urgency) -> None:
    pill = colors.pill(state)
    assert contrast(pill.text, pill.ground) >= 4.5


@pytest.mark.parametrize("colors", [LIGHT, DARK], ids=["light", "dark"])
@pytest.mark.parametrize("state", ["fresh", "soon", "urgent", "stale"])
def test_tones_can_be_read_on_cards(colors: Colors, state: str) -> None:
    assert contrast(getattr(colors, state).text, colors.surface) >= 4.5


@pytest.mark.parametrize("colors", [LIGHT, DARK], ids=["light", "dark"])
def test_outlines_and_bars_stand_out_from_the_surface(colors: Colors) -> None:
    shades = [colors.control, *(colors.pill(state).bar for state in STATES if state is not Urgency.LAST)]
    assert [shade for shade in shades if contrast(shade, colors.surface) < 3.0] == []


def test_contrast_of_known_pairs() -> None:
    assert contrast("#000000", "#FFFFFF") == pytest.approx(21)
    assert contrast("#777777", "#FFFFFF") == pytest.approx(4.48, abs=0.01)
