"""Transaction blocks."""

from __future__ import annotations

from ._transaction import Transaction
from ._transaction_async import AsyncTransaction
from ._transaction_base import BaseTransaction, OutOfOrderTransactionNesting, Rollback

__all__ = ["AsyncTransaction", "BaseTransaction", "OutOfOrderTransactionNesting", "Rollback", "Transaction"]
