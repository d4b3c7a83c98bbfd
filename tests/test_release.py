"""What a released checkpoint's card says of its terms."""

from __future__ import annotations

from train.ship import release


def test_terms_follow_from_what_was_learnt() -> None:
    assert "research and other non-commercial work" in release.licence_of(["nyu", "rooms"])
    own = release.licence_of(["rooms"])
    assert "NYUv2" not in own
    assert "as far as that backbone's terms allow" in own
