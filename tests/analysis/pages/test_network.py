"""The causal network's page: the drawing, and the table that says the same."""

import math
import re

import pytest

from analysis.influences import links_within, network_of
from analysis.plots.network import NARROW, WIDE, drawing
from analysis.services.model_documents import published_study
from tests.analysis.api.support import finished_run
from tests.factories import UserFactory


@pytest.fixture(scope="module")
def network():
    return network_of(published_study())


def codes(questions):
    return [each.code for each in questions]


def test_causes_stand_before_their_effects(network):
    assert [codes(column) for column in network.columns] == [["H1"], ["H2", "H5"], ["H3", "H4"], ["H6"]]


def test_the_feedback_loop_is_marked(network):
    assert [codes(loop) for loop in network.loops] == [["H2", "H5"]]
    assert {link.key for link in network.links if link.feeds_back} == {"H2A>H5B", "H2B>H5A", "H5B>H2A"}
    assert all(link.kept for link in network.links)


def test_a_model_without_feedback_leaves_out_the_weaker_way():
    study = published_study()
    causal = study.settings.causal_network.model_copy(
        update={"enable_feedback_loops": False, "strength_multiplier": 2.0}
    )
    settings = study.settings.model_copy(update={"causal_network": causal})
    found = network_of(study.model_copy(update={"settings": settings}))
    assert [link.key for link in found.links if not link.kept] == ["H5B>H2A"]
    assert found.strongest.strength == pytest.approx(0.6)
    assert not any(link.key == "H5B>H2A" for link, _ in links_within(found.links, {"H5": "B", "H2": "A"}))


def test_an_influence_is_told_by_its_odds(network):
    link = next(each for each in network.links if each.key == "H2A>H4B")
    assert link.factor == pytest.approx(math.exp(0.3))
    assert "“AGI achieved”" in link.words
    assert "“significant risks materialise”" in link.words
    assert "1.35 times" in link.words


@pytest.mark.parametrize("shape", [WIDE, NARROW])
def test_the_drawing_fits_its_page(network, shape):
    drawn = drawing(network, shape)
    assert len(drawn.arrows) == 22
    assert len({arrow.line for arrow in drawn.arrows}) == 22
    for arrow in drawn.arrows:
        points = [float(each) for each in re.findall(r"-?\d+\.\d", arrow.line + arrow.head)]
        assert all(0 <= x <= shape.width for x in points[::2])
        assert all(0 <= y <= shape.height for y in points[1::2])
    for place, box in enumerate(drawn.boxes):
        assert shape.box_width / 2 <= box.x <= shape.width - shape.box_width / 2
        for other in drawn.boxes[:place]:
            assert abs(box.x - other.x) > shape.box_width or abs(box.y - other.y) > shape.box_height


def test_stronger_arrows_are_wider(network):
    by_strength = sorted(drawing(network, WIDE).arrows, key=lambda arrow: arrow.link.strength)
    widths = [arrow.width for arrow in by_strength]
    assert widths == sorted(widths)
    assert widths[0] < widths[-1]


@pytest.mark.sqlite
@pytest.mark.django_db
@pytest.mark.parametrize(("role", "links"), [("viewer", 0), ("analyst", 22)])
def test_each_influence_has_a_row_and_who_may_ask_a_question(client, role, links):
    finished_run(published=True)
    client.force_login(UserFactory(role=role))
    text = client.get("/network").content.decode()
    anchors = re.findall(r'<tr id="(\w+-\w+)">', text)
    assert len(set(anchors)) == 22
    assert set(re.findall(r'class="arrow[^"]*" href="#(\w+-\w+)"', text)) == set(anchors)
    assert len(re.findall(r"/what-if\?strength\.\w+-\w+=0", text)) == links
