"""The reference answers: one file for each topic, every exercise declared once."""
