from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from edgenas.report.markup import Html, figure, join, listing, not_done, section, table, tag
from edgenas.text import printable

from .runs import Page

NASTY = '<script>alert("x")</script> & \' </p>'


@given(st.text(alphabet=st.characters(exclude_characters="\r\x00", exclude_categories=["Cs"])))
def test_any_text_comes_back_as_text_and_as_attribute(text):
    page = Page(tag("p", text, title=text))
    assert page.tags == [("p", {"title": printable(text)})]
    assert page.text == printable(text)


def test_markup_is_nested_and_text_escaped():
    assert tag("p", "a < b ", tag("b", "c")) == "<p>a &lt; b <b>c</b></p>"


def test_attributes_lose_the_underscore_and_none():
    assert tag("div", class_="note", data_spec="1", id=None) == '<div class="note" data-spec="1"></div>'


def test_markup_that_is_concatenated_is_no_longer_trusted():
    assert "&lt;" in tag("p", tag("b", "x") + tag("b", "y"))


def test_every_helper_escapes():
    whole = join([section(NASTY, NASTY, NASTY), not_done(NASTY, NASTY), figure(1.0, NASTY),
                  table([NASTY], [[NASTY]]), listing([(NASTY, NASTY)])], NASTY)
    page = Page(whole)
    assert isinstance(whole, Html)
    assert not page.scripts
    assert page.text.count(NASTY) == 13


def test_a_figure_carries_the_exact_value():
    page = Page(figure(0.58419200001, "0.5842"))
    assert page.figures == [(0.58419200001, "0.5842")]


def test_a_phase_that_is_not_done_shows_the_command_if_there_is_one():
    assert Page(not_done("not verified", "edgenas verify a")).text == "not verified: edgenas verify a"
    assert Page(not_done("not verified")).text == "not verified."
