"""Fixtures of the integration tests. The folder of a suite whose test failed is kept and shown."""

import pytest

from suite import running_suite


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    report = yield
    if report.failed:
        item.getparent(pytest.Module).stash[FAILED] = True
    return report


FAILED = pytest.StashKey[bool]()


def has_failed(request):
    return lambda: request.node.getparent(pytest.Module).stash.get(FAILED, False)


@pytest.fixture(scope="module")
def suite(request):
    """A suite shared by the tests of a module; each test leaves a standing tree behind."""
    with running_suite(has_failed(request)) as running:
        yield running


@pytest.fixture
def fresh_suite(request):
    """A suite of a test's own, for tests that break things."""
    with running_suite(has_failed(request)) as running:
        yield running
