"""The studio's side of json-table."""

from cache_studio.adapters.json_expiries import ExpiringJson


class JsonTableAdapter(ExpiringJson):
    """Entries of any shape; what their fields mean is said by the mapping alone.

    An element without a key field is known by its bytes, wherever it stands.
    """

    returns_entries = "An application that holds the file in memory and writes it whole brings removed entries back."
