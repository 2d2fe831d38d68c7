"""All cases, in the order of the table: importing this fills the register."""

from tests.chaos import storm as storm
from tests.chaos.setting import REGISTER

__all__ = ["REGISTER"]
