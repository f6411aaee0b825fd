"""Parsed mail and facts to a verdict: pure, one rule a file, the order is a table."""

from gateway.decide.facts import Evidence, Facts, ReportedMail
from gateway.decide.order import RULES, decide
from gateway.decide.verdict import Verdict

__all__ = ["RULES", "Evidence", "Facts", "ReportedMail", "Verdict", "decide"]
