# SPDX-License-Identifier: GPL-3.0-or-later
"""The idempotency ledger: a whole decision in one database transaction, exactly once."""
import hashlib
import json

from trytond.exceptions import ConcurrencyException
from trytond.model import ModelSQL, ModelView, Unique, fields
from trytond.model.exceptions import AccessError, SQLConstraintError
from trytond.i18n import gettext
from trytond.pool import Pool
from trytond.protocols.jsonrpc import JSONEncoder
from trytond.rpc import RPC
from trytond.transaction import Transaction, without_check_access

from . import operation
from .errors import BAD_OPERATION, KEY_INVALID, KEY_REUSED, POSTING_FINAL, PostingRace, refuse

MAX_KEY = 200
MAX_OPERATIONS = 500


class Posting(ModelSQL, ModelView):
    "Posting"
    __name__ = 'mfgos.posting'
    _rec_name = 'key'
    key = fields.Char("Key", required=True, readonly=True, size=MAX_KEY)
    digest = fields.Char("Digest", required=True, readonly=True)
    payload = fields.Text("Payload", readonly=True)
    result = fields.Text("Result", readonly=True)
    decision = fields.Char("Decision", readonly=True)

    @classmethod
    def __setup__(cls):
        super().__setup__()
        table = cls.__table__()
        cls._order = [('id', 'DESC')]
        cls._sql_constraints = [('key_unique', Unique(table, table.key), 'mfgos.msg_key_unique')]
        cls.__rpc__.update({
                'post': RPC(readonly=False),
                'status': RPC(readonly=True),
                })

    @classmethod
    def check_modification(cls, mode, postings, values=None, external=False):
        super().check_modification(mode, postings, values=values, external=external)
        if external or mode == 'delete':
            raise AccessError(gettext('mfgos.msg_posting_final'), POSTING_FINAL)

    @classmethod
    def post(cls, key, ops, decision=None):
        """Run ``ops`` in order and keep their result under ``key``; all of it or nothing.

        Returns {"posting", "key", "replayed", "result": [ids of each operation]}. The same key with the same ops
        answers the first result again. Raises PostingError (code first in its description), ConcurrencyException
        when a version in an ``expect`` is stale, or the refusal of Tryton itself.
        """
        Pool().get('ir.model.access').check(cls.__name__, 'create')
        if not isinstance(key, str) or not 0 < len(key) <= MAX_KEY or not key.isprintable():
            raise refuse(KEY_INVALID, 'msg_key_invalid')
        if not isinstance(ops, (list, tuple)) or not 0 < len(ops) <= MAX_OPERATIONS:
            raise refuse(
                BAD_OPERATION, 'msg_bad_operation', index='-', reason=f"send a list of 1 to {MAX_OPERATIONS}")
        payload = json.dumps(ops, cls=JSONEncoder, sort_keys=True, separators=(',', ':'))
        digest = hashlib.sha256(payload.encode()).hexdigest()
        with without_check_access():
            return cls._replay(key, digest) or cls._first(key, digest, payload, ops, decision)

    @classmethod
    def status(cls, key):
        """Return what ``post`` answered for this key, or None."""
        Pool().get('ir.model.access').check(cls.__name__, 'read')
        with without_check_access():
            return cls._replay(key, None)

    @classmethod
    def _replay(cls, key, digest):
        postings = cls.search([('key', '=', key)], limit=1)
        if not postings:
            return None
        posting, = postings
        if digest is not None and posting.digest != digest:
            raise refuse(KEY_REUSED, 'msg_key_reused', key=key)
        return posting._answer(replayed=True)

    @classmethod
    def _first(cls, key, digest, payload, ops, decision):
        operations = [operation.parse(i, data) for i, data in enumerate(ops)]
        # The key goes in first: a concurrent posting of the same key waits here for this transaction's end.
        try:
            posting, = cls.create([{'key': key, 'digest': digest, 'payload': payload, 'decision': decision}])
        except SQLConstraintError:
            raise PostingRace() from None
        cls._check_versions(operations)
        posting.result = json.dumps(cls._run(operations))
        posting.save()
        return posting._answer(replayed=False)

    @classmethod
    def _check_versions(cls, operations):
        """Compare every expected version before anything is written, and lock those rows."""
        pool = Pool()
        for op in operations:
            if not op.expect:
                continue
            Model = pool.get(op.model)
            ids = sorted(map(int, op.expect))
            Model.lock(ids)
            actual = {str(r['id']): r['_timestamp'] for r in Model.read(ids, ['_timestamp'])} if (
                Model.search_count([('id', 'in', ids)]) == len(ids)) else {}
            if actual != op.expect:
                raise ConcurrencyException("Records were modified in the meanwhile")

    @classmethod
    def _run(cls, operations):
        """Run the operations as the posting user, whose rights the caller borrows for this transaction only."""
        pool = Pool()
        user = pool.get('ir.model.data').get_id('mfgos', 'user_posting')
        User = pool.get('res.user')
        context = Transaction().context
        own = {k: v for k, v in context.items() if k not in {'groups', 'companies', 'employee', 'company_filter'}}
        results = []
        with Transaction().set_user(user), Transaction().reset_context(), Transaction().set_context(own):
            with Transaction().set_context(User.get_preferences(context_only=True)):
                for op in operations:
                    results.append(operation.run(op, results))
        return results

    def _answer(self, replayed):
        return {
            'posting': self.id,
            'key': self.key,
            'replayed': replayed,
            'result': json.loads(self.result),
            }
