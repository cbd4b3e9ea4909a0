"""The plot on the page about cost shows what the page's table says."""

from __future__ import annotations

from xml.etree import ElementTree

from bench import collecting_plot


def test_the_plot_is_that_of_the_table() -> None:
    page = collecting_plot.PAGE.read_text()
    points = collecting_plot.read_points(page)
    assert [files for files, _, _ in points] == [1, 10, 60, 600]
    assert collecting_plot.PLOT.read_text() == collecting_plot.plot(points), "python -m bench.collecting_plot"
    assert f"](images/{collecting_plot.PLOT.name})" in page


def test_more_files_in_one_job_are_cheaper_and_later() -> None:
    root = ElementTree.fromstring(collecting_plot.plot([(1, 2.0, 20), (60, 0.03, 3600)]))
    first, second = ([float(dot.get(name, "")) for name in ("cx", "cy")] for dot in root.iter() if "circle" in dot.tag)
    assert second[0] > first[0], "later is right"
    assert second[1] > first[1], "cheaper is below"
