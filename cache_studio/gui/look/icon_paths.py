"""The line icons as SVG path data on a grid of 16, and which icon a format has."""

PATHS: dict[str, str] = {
    "attach": "M8 2.5V13.5M2.5 8H13.5",
    "refresh": "M13.2 8.6A5.3 5.3 0 1 1 11.6 4.1L13.3 5.8M13.3 2.6V5.8H10.1",
    "invalidate": "M2.4 8A5.6 5.6 0 1 0 13.6 8A5.6 5.6 0 1 0 2.4 8M6.1 6.1L9.9 9.9M9.9 6.1L6.1 9.9",
    "purge": "M4 2.3H12M4 13.7H12M5 2.3V4.4L8 8L11 4.4V2.3M5 13.7V11.6L8 8L11 11.6V13.7",
    "evict": "M2.3 3.5H13.7M2.3 7H13.7M8 9.5V14M6 12.2L8 14.2L10 12.2",
    "clear": "M2.8 4.3H13.2M6 4.3V2.5H10V4.3M4.2 4.3L4.7 13.5H11.3L11.8 4.3",
    "ttl": "M2.4 8A5.6 5.6 0 1 0 13.6 8A5.6 5.6 0 1 0 2.4 8M8 4.7V8L10.3 9.4",
    "compact": "M2.5 8H13.5M8 1.8V5.5M6.3 3.9L8 5.6L9.7 3.9M8 14.2V10.5M6.3 12.1L8 10.4L9.7 12.1",
    "export": "M8 10V2.3M5.3 4.8L8 2.2L10.7 4.8M2.5 8.5V13.5H13.5V8.5",
    "snapshot": ("M2.3 5H4.9L6 3.2H10L11.1 5H13.7V12.8H2.3ZM5.7 8.7A2.3 2.3 0 1 0 10.3 8.7A2.3 2.3 0 1 0 5.7 8.7"),
    "pause": "M5.5 3.2V12.8M10.5 3.2V12.8",
    "resume": "M4.8 3L12.6 8L4.8 13Z",
    "play": "M4.8 3L12.6 8L4.8 13Z",
    "stop": "M4 4H12V12H4Z",
    "search": "M2.4 7A4.6 4.6 0 1 0 11.6 7A4.6 4.6 0 1 0 2.4 7M10.4 10.4L13.7 13.7",
    "copy": "M5.7 5.7H13.5V13.5H5.7ZM3.4 10.3H2.5V2.5H10.3V3.4",
    "save": "M4 2.3H12V13.7L8 10.6L4 13.7Z",
    "save-as": "M2.5 2.5H11L13.5 5V13.5H2.5ZM5 2.5V6H10V2.5M5 13.5V9.5H11V13.5",
    "close": "M4 4L12 12M12 4L4 12",
    "undo": "M5.6 3L2.7 5.9L5.6 8.8M2.7 5.9H10A3.6 3.6 0 0 1 10 13.1H7.5",
    "check": "M3 8.5L6.5 12L13 4.5",
    "lock": "M3.8 7.2H12.2V13.6H3.8ZM5.5 7.2V4.9A2.5 2.5 0 0 1 10.5 4.9V7.2",
    "chevron-down": "M4.5 6.3L8 9.8L11.5 6.3",
    "chevron-up": "M4.5 9.7L8 6.2L11.5 9.7",
    "chevron-right": "M6.3 4.5L9.8 8L6.3 11.5",
    "chevron-left": "M9.7 4.5L6.2 8L9.7 11.5",
    "file": "M3.8 1.8H9.3L12.3 4.8V14.2H3.8ZM9.2 2V5H12.1",
    "folder": "M1.8 3.3H6.2L7.7 5H14.2V12.9H1.8Z",
    "folder-json": (
        "M1.8 3.3H6.2L7.7 5H14.2V12.9H1.8ZM7 7.1H6.4V8.6L5.7 9L6.4 9.4V10.9H7M9 7.1H9.6V8.6L10.3 9L9.6 9.4V10.9H9"
    ),
    "file-json": (
        "M3.8 1.8H9.3L12.3 4.8V14.2H3.8ZM9.2 2V5H12.1M7.1 7.2H6.5V8.8L5.8 9.2L6.5 9.6V11.2H7.1"
        "M9 7.2H9.6V8.8L10.3 9.2L9.6 9.6V11.2H9"
    ),
    "layers": "M8 2.2L1.9 5.2L8 8.2L14.1 5.2ZM1.9 8.1L8 11.1L14.1 8.1M1.9 11L8 14L14.1 11",
    "picture": "M2.2 2.8H13.8V13.2H2.2ZM2.4 11.6L5.4 8.4L7.7 10.8L10.2 7.6L13.6 11.6M5.1 5.7H5.2",
    "hexagon": "M8 1.7L13.5 4.85V11.15L8 14.3L2.5 11.15V4.85ZM5.9 6.2L8 8L5.9 9.8M8.5 10.1H10.7",
    "cylinder": (
        "M2.9 4.1A5.1 2 0 1 0 13.1 4.1A5.1 2 0 1 0 2.9 4.1M2.9 4.1V11.9A5.1 2 0 0 0 13.1 11.9V4.1"
        "M2.9 8A5.1 2 0 0 0 13.1 8"
    ),
    "table": "M2.2 3H13.8V13H2.2ZM2.2 6.3H13.8M2.2 9.7H13.8M6.3 6.3V13",
    "settings": (
        "M2 4.5H8.5M12 4.5H14M8.5 4.5A1.75 1.75 0 1 0 12 4.5A1.75 1.75 0 1 0 8.5 4.5M2 11.5H4"
        "M7.5 11.5H14M4 11.5A1.75 1.75 0 1 0 7.5 11.5A1.75 1.75 0 1 0 4 11.5"
    ),
    "warning": "M8 2.3L14.3 13.4H1.7ZM8 6.5V9.5M8 11.4V11.5",
    "download": "M8 2.3V10M5.3 7.5L8 10.1L10.7 7.5M2.5 10V13.5H13.5V10",
    "drop": "M8 2.3V10M5.3 7.5L8 10.1L10.7 7.5M2.5 10V13.5H13.5V10",
    "popout": "M9.5 2.5H13.5V6.5M13.3 2.7L7.5 8.5M6.5 3.5H2.7V13.3H12.5V9.5",
    "shield": "M8 1.9L13 3.7V7.8C13 10.9 10.9 13 8 14.1C5.1 13 3 10.9 3 7.8V3.7Z",
    "more": "M3.5 8H3.6M8 8H8.1M12.5 8H12.6",
    "info": "M2.4 8A5.6 5.6 0 1 0 13.6 8A5.6 5.6 0 1 0 2.4 8M8 7.3V11M8 5V5.1",
}
"""Name of an icon -> path data; stroked, never filled."""

FORMAT_ICONS: dict[str, str] = {
    "json-directory": "folder-json",
    "json-file": "file-json",
    "json-table": "file-json",
    "multi-level": "layers",
    "asset-cache": "picture",
    "redis-response": "hexagon",
    "redis": "hexagon",
    "redis-hash": "hexagon",
    "sqlite-table": "table",
    "diskcache": "cylinder",
    "requests-cache": "cylinder",
}
"""Format name -> icon name."""

DEFAULT_FORMAT_ICON = "cylinder"
"""The icon of a format that the table does not name, such as a plug-in's."""


def format_icon(name: str) -> str:
    """Name of the icon that the format `name` has everywhere."""
    return FORMAT_ICONS.get(name, DEFAULT_FORMAT_ICON)
