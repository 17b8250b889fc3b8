# SPDX-License-Identifier: GPL-3.0-or-later
"""Users: an administrator, the product's own, a reader for the plant's page and checks, and a sales clerk."""
from trytond.pool import Pool

# login: (name, groups)
USERS = {
    'admin': ("Administrator", []),
    'mos_product': ("mos", ['mfgos.group_post']),
    'plant_reader': ("Plant reader", ['mfgos.group_read']),
    'plant_sales': ("Plant sales", ['sale.group_sale', 'mfgos.group_read']),
    }


def users(company):
    """Create the users without a password: a clone sets them."""
    pool = Pool()
    data = pool.get('ir.model.data')
    pool.get('res.user').create([{
                'name': name, 'login': login,
                'companies': [('add', [company.id])], 'company': company.id,
                'administrator': login == 'admin',
                'groups': [('add', [data.get_id(*group.split('.')) for group in groups])],
                } for login, (name, groups) in USERS.items()])
