"""What every table shares."""

from __future__ import annotations

from datetime import datetime
from typing import cast

from sqlalchemy import Double, MetaData, Table
from sqlalchemy.orm import DeclarativeBase

from backprop_evo.store.columns import UtcDateTime


class Base(DeclarativeBase):
    """What every table shares: names of constraints, and the columns that Python types become."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map = {datetime: UtcDateTime, float: Double}  # noqa: RUF012 - the name and form SQLAlchemy asks for


def table_of(row: type[Base]) -> Table:
    """The table behind a class of rows."""
    return cast(Table, row.__table__)
