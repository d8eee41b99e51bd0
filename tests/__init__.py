"""Tests of the installed package; a package itself only so that they can share code."""
