"""The page lists the set-ups of the tests."""

import pytest

from tests.peers import page, setups, software


def test_the_page_lists_exactly_the_set_ups_of_the_tests(request: pytest.FixtureRequest) -> None:
    if request.config.getoption("--write-compatibility"):
        pytest.skip("the page is written at the end of this run")
    listed = [(title, name, result) for title, _, name, result in page.rows()]
    tested = [page.row(setup, "") for setup in setups.every()]
    assert listed == [(title, name, result) for title, _, name, result in tested], (
        "`./dev test --everything --write-compatibility tests/peers` writes the page anew"
    )


def test_no_two_set_ups_are_one_row() -> None:
    names = [(setup.package, setup.name) for setup in setups.every()]
    assert len(set(names)) == len(names)
    assert not [name for _, name in names if "|" in name]


def test_every_package_is_met_in_three_healthy_and_three_faulty_set_ups() -> None:
    met = setups.every()
    for package, row in software.listed().items():
        results = [setup.result for setup in met if setup.package == package]
        healthy = [result for result in results if result.startswith("ok")]
        enough = (len(healthy) >= 3, len(results) - len(healthy) >= 3) == (True, True)
        assert enough is (row.title != "-"), package
