"""Fixtures of the integration tests."""

import pytest

from suite import running_suite


@pytest.fixture(scope="module")
def suite():
    """A suite shared by the tests of a module; each test leaves a standing tree behind."""
    with running_suite() as running:
        yield running


@pytest.fixture
def fresh_suite():
    """A suite of a test's own, for tests that break things."""
    with running_suite() as running:
        yield running
