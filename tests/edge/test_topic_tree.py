from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.topic_tree import TopicTree


@pytest.mark.parametrize(
    ("topic_filter", "topic", "found"),
    [
        ("a/b", "a/b", True),
        ("a/b", "a/b/c", False),
        ("a/+", "a/b", True),
        ("a/+", "a", False),
        ("a/+", "a/b/c", False),
        ("+/b", "a/b", True),
        ("+/+", "a/b", True),
        ("a/+/c", "a//c", True),
        ("a/#", "a/b/c", True),
        ("a/#", "a", True),
        ("#", "a/b", True),
        ("#", "$SYS/x", False),
        ("+/x", "$SYS/x", False),
        ("$SYS/+", "$SYS/x", True),
    ],
)
def test_filters_match_as_mqtt_says(topic_filter: str, topic: str, *, found: bool) -> None:
    tree: TopicTree[str] = TopicTree()
    tree.add(topic_filter, "thing")

    assert tree.find(topic) == (["thing"] if found else [])


def test_a_thing_is_found_once() -> None:
    tree: TopicTree[str] = TopicTree()
    for topic_filter in ("a/b", "a/+", "+/b", "#"):
        tree.add(topic_filter, "thing")
    tree.add("a/b", "other")

    assert sorted(tree.find("a/b")) == ["other", "thing"]


LEVEL = st.sampled_from(["a", "b", ""])


@given(topics=st.lists(st.lists(LEVEL, min_size=1, max_size=4).map("/".join), max_size=8))
def test_exact_topics_are_found_beside_filters(topics: list[str]) -> None:
    tree: TopicTree[int] = TopicTree()
    for number, topic in enumerate(topics):
        tree.add(topic, number)
    tree.add("x/+", -1)

    for number, topic in enumerate(topics):
        assert number in tree.find(topic)
