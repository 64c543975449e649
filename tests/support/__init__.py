"""What the tests share: the two drivers behind one face, other sessions, hostile servers."""
