"""The metadata that every table belongs to, and the columns they are made of: keys, identifiers, texts.

key("item_id")  item_id text COLLATE "C" PRIMARY KEY
"""

from sqlalchemy import Column, DateTime, MetaData, Text, func
from sqlalchemy.dialects.postgresql import JSONB

metadata = MetaData(
    naming_convention={"pk": "%(table_name)s_pkey", "ix": "%(table_name)s_%(column_0_N_name)s"}
)


def key(name: str) -> Column[str]:
    return Column(name, Text(collation="C"), primary_key=True)


def identifier(name: str, nullable: bool = False) -> Column[str]:
    return Column(name, Text(collation="C"), nullable=nullable)


def text(name: str, nullable: bool = False) -> Column[str]:
    return Column(name, Text, nullable=nullable)


def json(name: str, nullable: bool = False) -> "Column[object]":
    return Column(name, JSONB, nullable=nullable)


def time(name: str, nullable: bool = False) -> "Column[object]":
    return Column(name, DateTime(timezone=True), nullable=nullable)


def created() -> "Column[object]":
    return Column("created_at", DateTime(timezone=True), nullable=False, server_default=func.now())
