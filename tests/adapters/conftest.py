"""Failed assertions of the shared suites explain themselves like those of a test file."""

import pytest

pytest.register_assert_rewrite("contract", "library_contract", "machine")
