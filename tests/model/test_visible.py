import pytest

from cache_studio.model.visible import visible


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("plain ü 漢", "plain ü 漢"),
        ("a\nb\tc\r", "a\\nb\\tc\\r"),
        ("\x1b[31m", "\\x1b[31m"),
        ("\u202eevil", "\\u202eevil"),
        ("\udc80", "\\udc80"),
        ("\U000e0001", "\\U000e0001"),
    ],
)
def test_what_a_terminal_would_obey_is_an_escape(text, seen):
    assert visible(text) == seen
