"""What changing expiries promises, checked on any format whose `make` stores ordinary, stale and forever entries."""

import math
import time

import pytest
from library_contract import LibraryContract

from cache_studio.adapters.base import Adapter, SetsExpiry
from cache_studio.model.capabilities import Ability
from cache_studio.model.errors import UnsupportedAction
from cache_studio.model.seeing import Renewed
from cache_studio.model.targets import Target


class ExpiryChecks(LibraryContract):
    """Added to a `LibraryContract` whose adapter sets expiries."""

    whole_seconds: bool = True
    """Whether the format keeps whole seconds only."""

    def _set(self, adapter: Adapter, key: str, moment: float) -> Renewed:
        assert isinstance(adapter, SetsExpiry)
        row = self.row(adapter, key)
        answer = adapter.set_expiry([row.seen], [moment])[0]
        assert answer.id == row.id
        if answer.fate is Renewed.SET:
            now = self.row(adapter, key)
            assert now.expires == pytest.approx(answer.expires)
            if math.isfinite(moment):
                assert -0.001 <= (now.expires or 0) - moment <= (1.0 if self.whole_seconds else 0.001)
            else:
                assert now.expires == moment
            assert now.stamp != row.stamp
        return answer.fate

    def test_expiries_are_set_obeyed_and_put_back(self, target: Target, adapter: Adapter) -> None:
        assert adapter.capabilities.can(Ability.SET_EXPIRY)
        application = self.opened_by_library(target)
        key, forever = self.ordinary[0], self.forever[0]
        before = {name: self.row(adapter, name) for name in (key, forever)}
        contents = {name: adapter.read(row.id).pieces[0].data for name, row in before.items()}
        assert self._set(adapter, key, time.time() - 50) is Renewed.SET
        assert not application.call("holds", key)
        # The application may have removed it for that; so the next one is asked for by the studio alone.
        key = self.ordinary[1]
        before[key] = self.row(adapter, key)
        contents[key] = adapter.read(before[key].id).pieces[0].data
        for moment in (time.time() + 86_400, math.inf, before[key].expires or 0.0):
            assert self._set(adapter, key, moment) is Renewed.SET
            assert application.call("holds", key)
        for moment in (time.time() + 500, math.inf):
            assert self._set(adapter, forever, moment) is Renewed.SET
            assert application.call("holds", forever)
        for name in (key, forever):
            now = self.row(adapter, name)
            assert now.columns()[:6] == before[name].columns()[:6]
            assert now.created == before[name].created
            assert now.expires == before[name].expires
            assert adapter.read(now.id).pieces[0].data == contents[name]
        assert application.call("complaints") == []

    def test_an_expiry_of_what_changed_or_went_meanwhile_stays(self, target: Target, adapter: Adapter) -> None:
        assert isinstance(adapter, SetsExpiry)
        changed, gone, calm = (self.row(adapter, key) for key in self.ordinary[:3])
        self.application_rewrites(target, changed.key)
        self.application_deletes(target, gone.key)
        newer = self.row(adapter, changed.key)
        answers = adapter.set_expiry([changed.seen, gone.seen, calm.seen], [time.time() + 9_000] * 3)
        assert [answer.fate for answer in answers] == [Renewed.CHANGED, Renewed.GONE, Renewed.SET]
        assert self.row(adapter, changed.key) == newer

    def test_expiries_of_what_is_read_only_are_refused(self, target: Target) -> None:
        with self.opened(target, writable=False) as adapter:
            assert isinstance(adapter, SetsExpiry)
            assert adapter.capabilities.why_not(Ability.SET_EXPIRY)
            with pytest.raises(UnsupportedAction):
                adapter.set_expiry([self.row(adapter, self.ordinary[0]).seen], [math.inf])
