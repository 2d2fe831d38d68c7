"""All cases, in the order of the table: importing this fills the register."""

from tests.chaos import storm as storm  # isort: skip
from tests.chaos import faults as faults  # isort: skip
from tests.chaos import odd_input as odd_input  # isort: skip
from tests.chaos import writers as writers  # isort: skip
from tests.chaos import sizes as sizes  # isort: skip
from tests.chaos import clients as clients  # isort: skip
from tests.chaos import shares as shares  # isort: skip
from tests.chaos.setting import REGISTER

__all__ = ["REGISTER"]
