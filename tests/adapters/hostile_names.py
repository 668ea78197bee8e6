"""Names of keys and namespaces that a careless layout stores wrongly, or somewhere else."""

HOSTILE = {
    "path up": "../x",
    "path up twice": "../../x",
    "absolute": "/etc/passwd",
    "slash": "a/b",
    "backslash": "a\\b",
    "dot": ".",
    "dots": "..",
    "hidden": ".x",
    "NUL": "a\0b",
    "newline": "a\nb\r",
    "long": "x" * 300,
    "long wide": "ü" * 300,
    "emoji": "🦊",
    "escaped byte": "a\udcffb",
    "lone surrogate": "a\ud800b",
    "colon": ":",
    "double colon": "a::b:",
    "percent": "%2F",
    "space": " ",
    "dots behind": "x. ",
    "quote": "a'b\"c;--",
    "glob": "*[a]?\\",
    "suffix": "x.json",
    "device": "CON",
    "recorder": "recorder",
}
ALIKE = (("a", "A"), ("a/b", "a_b"), ("/", "%2F"), ("\u00e9", "e\u0301"), ("x", "x "), ("1", "01"), ("x", "x\0"))
"""Keys that a careless layout takes for one."""
