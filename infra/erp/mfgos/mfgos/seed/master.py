# SPDX-License-Identifier: GPL-3.0-or-later
"""Master data of the plant: company, places, machines, products, lots, quality controls."""
import datetime as dt
from decimal import Decimal

from trytond.pool import Pool

LOT_REQUIRED = ['supplier', 'customer', 'lost_found', 'storage', 'production']


def company(plant):
    """Create the company in EUR and give it to the posting user; return it."""
    pool = Pool()
    currency, = pool.get('currency.currency').create([{
                'name': "Euro", 'code': 'EUR', 'numeric_code': '978', 'symbol': "€", 'digits': 2,
                'rounding': Decimal('0.01'), 'rates': [('create', [{'date': dt.date(2020, 1, 1), 'rate': 1}])]}])
    party, = pool.get('party.party').create([{'name': plant['site']['title']}])
    made, = pool.get('company.company').create([{
                'party': party.id, 'currency': currency.id, 'timezone': plant['site']['timezone']}])
    poster = pool.get('ir.model.data').get_id('mfgos', 'user_posting')
    User = pool.get('res.user')
    User.write([User(poster)], {'companies': [('add', [made.id])], 'company': made.id})
    return made


def places(plant):
    """Return the warehouse; add the quarantine beside its storage zone and show the lots' sequence."""
    pool = Pool()
    Location = pool.get('stock.location')
    warehouse, = Location.search([('type', '=', 'warehouse')])
    Location.create([{
                'name': "Quarantine", 'code': 'QUARANTINE', 'type': 'storage', 'parent': warehouse.id,
                'quarantine': True}])
    return warehouse


def lot_sequence():
    pool = Pool()
    type_ = pool.get('ir.model.data').get_id('stock_lot', 'sequence_type_stock_lot')
    sequence, = pool.get('ir.sequence').create([{
                'name': "Lot", 'sequence_type': type_, 'prefix': 'L-', 'company': None}])
    return sequence


def work_centers(plant, company, warehouse):
    """Create site / area / work center / work unit; return ({code: work center}, {work center id: category})."""
    pool = Pool()
    Center, Category = pool.get('production.work.center'), pool.get('production.work.center.category')
    categories = {c['id']: k for c, k in zip(plant['work_centers'], Category.create([
                {'name': c['title']} for c in plant['work_centers']]), strict=True)}
    common = {'company': company.id, 'warehouse': warehouse.id}

    def create(rows):
        return {c.code: c for c in Center.create([{**common, **row} for row in rows])}

    site = plant['site']
    centers = create([{'name': site['title'], 'code': site['site']}])
    centers |= create([
            {'name': a['title'], 'code': a['id'], 'parent': centers[site['site']].id} for a in plant['areas']])
    centers |= create([
            {'name': c['title'], 'code': c['id'], 'parent': centers[c['area']].id} for c in plant['work_centers']])
    centers |= create([{
                'name': u['title'], 'code': u['id'], 'parent': centers[u['work_center']].id,
                'category': categories[u['work_center']].id} for u in plant['work_units']])
    return centers, categories


def products(plant):
    """Create the products; return {material id: product}."""
    pool = Pool()
    unit, = pool.get('product.uom').search([('symbol', '=', 'u')])
    sequence = lot_sequence()
    templates = pool.get('product.template').create([
            _template(m, unit, sequence) for m in plant['materials']])
    found = {t.products[0].code: t.products[0] for t in templates}
    for m in plant['materials']:
        found[m['id']].set_multivalue('cost_price', Decimal(m['cost']))
    return found


def _template(material, unit, sequence):
    made = material['kind'] == 'made'
    values = {
        'name': material['title'], 'type': 'goods', 'default_uom': unit.id, 'producible': made, 'salable': made,
        'lot_required': LOT_REQUIRED if material['lots'] else [],
        'lot_sequence': sequence.id, 'products': [('create', [{'suffix_code': material['id']}])],
        }
    if made:
        values |= {
            'list_price': Decimal(material['price']), 'sale_uom': unit.id, 'lead_time': dt.timedelta(),
            'supply_on_sale': 'always'}
    return values


def boms(plant, products):
    """Create BOMs; return {material id: bom}."""
    unit = next(iter(products.values())).default_uom.id
    made = [m for m in plant['materials'] if m['kind'] == 'made']
    created = Pool().get('production.bom').create([{
                'name': m['title'],
                'inputs': [('create', [{
                                'product': products[line['material']].id, 'quantity': line['quantity'], 'unit': unit,
                                } for line in m['bom']])],
                'outputs': [('create', [{'product': products[m['id']].id, 'quantity': 1, 'unit': unit}])],
                } for m in made])
    return {m['id']: bom for m, bom in zip(made, created, strict=True)}


def routings(plant, products, boms, centers, categories):
    """Create operations and routings with standard times; return {material id: routing}."""
    pool = Pool()
    Operation, Routing = pool.get('production.routing.operation'), pool.get('production.routing')
    made = [m for m in plant['materials'] if m['kind'] == 'made']
    steps = {(s['name'], s['work_center']) for m in made for s in m['routing']}
    operations = {(o.name, s[1]): o for s, o in zip(sorted(steps), Operation.create([
                {'name': name, 'work_center_category': categories[center].id} for name, center in sorted(steps)]),
        strict=True)}
    created = Routing.create([{
                'name': m['title'],
                'boms': [('add', [boms[m['id']].id])],
                'steps': [('create', [_step(plant, m, s, operations, centers) for s in m['routing']])],
                } for m in made])
    found = {m['id']: routing for m, routing in zip(made, created, strict=True)}
    for m in made:
        pool.get('product.product').write([products[m['id']]], {
                'boms': [('create', [{'bom': boms[m['id']].id, 'routing': found[m['id']].id}])],
                'production_lead_times': [('create', [{'bom': boms[m['id']].id, 'lead_time': dt.timedelta()}])],
                })
    return found


def _step(plant, material, step, operations, centers):
    rates = [
        op[3] / order['quantity'] for order in plant['job_orders'] if order['material'] == material['id']
        for op in order['ops'] if op[0] == step['seq']]
    return {
        'sequence': step['seq'],
        'operation': operations[step['name'], step['work_center']].id,
        'run_minutes': round(min(rates), 2) if rates else None,
        'setup_minutes': 0,
        'setup_family': material['id'],
        'alternatives': [('add', [
                    centers[u['id']].id for u in plant['work_units'] if u['work_center'] == step['work_center']])],
        }


def lots(plant, products, company, warehouse):
    """Create the lots and count them into storage the day before the anchor; return {number: lot}.

    Running orders have used their material already: it is counted on top, so that storage holds what the catalogue
    says when the plant starts.
    """
    pool = Pool()
    Lot, Inventory = pool.get('stock.lot'), pool.get('stock.inventory')
    created = Lot.create([
            {'number': lot['id'], 'product': products[lot['material']].id} for lot in plant['lots']])
    found = {lot.number: lot for lot in created}
    used = {lot['id']: 0 for lot in plant['lots']}
    for order in plant['job_orders']:
        if order['state'] == 'running':
            per_unit = sum(line['quantity'] for line in plant.material(order['material'])['bom'])
            used[order['lot']] += order['quantity'] * per_unit
    inventory, = Inventory.create([{
                'location': warehouse.storage_location.id, 'company': company.id,
                'date': plant.day(0) - dt.timedelta(1),
                'lines': [('create', [{
                                'product': products[lot['material']].id, 'lot': found[lot['id']].id,
                                'quantity': lot['quantity'] + used[lot['id']]} for lot in plant['lots']])],
                }])
    Inventory.confirm([inventory])
    return found


def controls(plant, products, company):
    """Create one quality control for each inspection; raw material at receipt, products when done."""
    kinds = {m['id']: m['kind'] for m in plant['materials']}
    operation = {'raw': 'stock.shipment.in:receive', 'made': 'production:do'}
    Pool().get('quality.control').create([{
                'name': f"{i['characteristic']} {i['material']}",
                'operations': [operation[kinds[i['material']]]],
                'product': products[i['material']].id,
                'company': company.id,
                'points': [('create', [{
                                'name': i['id'], 'string': f"{i['characteristic']} [{i['unit']}]", 'type_': 'float',
                                'tolerance_lower': i['low'], 'tolerance_upper': i['high']}])],
                } for i in plant['inspections']])
